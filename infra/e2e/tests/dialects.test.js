// One call, three ways to say "please connect first": the client is asked, the person agrees in a browser, the call is answered.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { inspectorCall } from '../clients/inspector.js';
import { legacyClient, UrlElicitationRequiredError } from '../clients/legacy.js';
import { modernClient } from '../clients/modern.js';
import { call, oldClient } from '../clients/plain.js';
import { linkIn, startWorld } from '../world.js';

let world;
before(async () => { world = await startWorld(import.meta.url); });
after(() => world?.close());
beforeEach(() => { world.notes.accepted.length = 0; world.files.accepted.length = 0; });

/** Nobody but `person`, with a token for this very server, may have called the tool; no token of the gateway may ever have come here. */
function sawOnly(server, person) {
  const calls = server.accepted.filter(({ method }) => method === 'tools/call');
  assert.ok(calls.length > 0, `${server.name} was never called`);
  for (const { claims } of calls) {
    assert.deepEqual({ iss: claims.iss, aud: claims.aud, sub: claims.sub }, { iss: world.as.issuer, aud: server.resource, sub: world.as.people[person] });
  }
  assert.deepEqual(server.refused.filter(({ issuer }) => issuer === world.idp.issuer), []);
}

const textOf = (result) => result.content.map(({ text }) => text).join('\n');

test('2026-07-28, E1: the client is told input_required, and its call goes on once the person has agreed', async () => {
  const alice = await world.visitor('alice');
  const asked = [];
  const client = await modernClient({
    endpoint: world.gateway,
    token: await world.token('alice', 'agent-2026'),
    onUrl: async (params) => {
      asked.push(params);
      const screens = await alice.connect(params.url);
      assert.deepEqual(screens, [
        'identity provider: sign in', 'identity provider: consent',
        'latchkey: consent',
        'authorization server: sign in', 'authorization server: consent',
        'latchkey: connected',
      ]);
      return 'accept';
    },
  });
  const result = await client.callTool({ name: 'notes___whoami', arguments: {} });
  assert.equal(textOf(result), 'notes knows you as cloud-alice');
  assert.ok(!result.isError);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].mode, 'url');
  assert.equal(asked[0].elicitationId, undefined);
  sawOnly(world.notes, 'alice');
  await client.close();
  await alice.close();
});

test('2025-11-25, E2: a client known for it gets -32042 in HTTP 200, and the same call is answered afterwards', async () => {
  const token = await world.token('alice', 'agent-2025');
  const wire = await call({ endpoint: world.gateway, token, revision: '2025-11-25' }, 'files___whoami');
  assert.deepEqual([wire.status, wire.body.error?.code], [200, -32042]);

  const client = await legacyClient({ endpoint: world.gateway, token });
  const again = () => client.callTool({ name: 'files___whoami', arguments: {} });
  const error = await again().then(() => assert.fail('answered before the person agreed'), (reason) => reason);
  assert.ok(error instanceof UrlElicitationRequiredError, error);
  assert.equal(error.elicitations.length, 1);
  const [{ mode, url, elicitationId }] = error.elicitations;
  assert.equal(mode, 'url');
  assert.ok(elicitationId);

  const alice = await world.visitor('alice');
  await alice.connect(url);
  assert.equal(textOf(await again()), 'files knows you as cloud-alice');
  sawOnly(world.files, 'alice');
  await client.close();
  await alice.close();
});

test('text, E4: Inspector without elicitation shows the link in either era, then the answer', async () => {
  const options = { endpoint: world.gateway, token: await world.token('bob', 'agent-plain'), tool: 'notes___whoami', home: world.folder };
  const links = [];
  for (const era of ['legacy', 'modern']) {
    const before = await inspectorCall({ ...options, era });
    assert.match(before.stdout, /"isError": ?true/, before.stderr);
    links.push(linkIn(before.stdout, 'notes'));
  }
  const bob = await world.visitor('bob');
  await bob.connect(links[1]);
  for (const era of ['legacy', 'modern']) {
    const { code, stdout, stderr } = await inspectorCall({ ...options, era });
    assert.match(stdout, /notes knows you as cloud-bob/, stderr);
    assert.equal(code, 0);
  }
  sawOnly(world.notes, 'bob');
  await bob.close();
});

test('text, E3: a 2026-07-28 client with form elicitation only is not asked to open a URL by itself', async () => {
  const client = await modernClient({
    endpoint: world.gateway,
    token: await world.token('bob', 'agent-2026'),
    elicitation: { form: {} },
    onUrl: () => assert.fail('elicited in a mode that was not declared'),
  });
  const result = await client.callTool({ name: 'files___whoami', arguments: {} });
  assert.equal(result.isError, true);
  assert.ok(linkIn(textOf(result), 'files'));
  await client.close();
});

test('text: a 2025-06-18 client gets the link as text even where newer clients get -32042', async () => {
  const client = await oldClient({ endpoint: world.gateway, token: await world.token('bob', 'agent-2025') });
  assert.equal(client.protocolVersion, '2025-06-18');
  const before = await client.callTool('files___whoami');
  assert.equal(before.error, undefined);
  assert.equal(before.result.isError, true);
  const bob = await world.visitor('bob');
  await bob.connect(linkIn(textOf(before.result), 'files'));
  assert.equal(textOf((await client.callTool('files___whoami')).result), 'files knows you as cloud-bob');
  sawOnly(world.files, 'bob');
  await bob.close();
});
