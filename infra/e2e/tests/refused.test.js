// An MCP server that no longer takes a token, and one that wants another kind of it: what the agent and its person notice of that.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { modernClient } from '../clients/modern.js';
import { linkIn, startWorld } from '../world.js';

let world;
// People consent faster here than an instance forgets.
before(async () => { world = await startWorld(import.meta.url, { token_memory_seconds: 0 }); });
after(() => world?.close());

const text = (answer) => (answer.result ?? answer).content[0].text;
const renewals = () => world.as.tokenRequests.filter(({ grant }) => grant === 'refresh_token').length;

test('U5: a token that its MCP server refuses is renewed once, and the call succeeds when it is sent again', async () => {
  const alice = await world.visitor('alice');
  await alice.connect(await world.link('alice', 'notes'));
  const whoami = () => world.plainCall('alice', 'notes___whoami');
  assert.equal(text(await whoami()), 'notes knows you as cloud-alice');

  world.notes.forget();
  const refused = await whoami();
  assert.equal(refused.result.isError, true);
  assert.match(text(refused), /^Notes did not accept the access token .*Try again/);
  assert.equal(renewals(), 0);

  for (let call = 0; call < 3; call += 1) assert.equal(text(await whoami()), 'notes knows you as cloud-alice');
  assert.equal(renewals(), 1);
  assert.equal(world.notes.refused.length, 1);
  await alice.close();
});

test('U5: 2026-07-28 reads the same, and one person\'s refused token is nobody else\'s matter', async () => {
  const bob = await world.visitor('bob');
  await bob.connect(await world.link('bob', 'notes'));
  const before = renewals();
  const client = await modernClient({ endpoint: world.gateway, token: await world.token('bob', 'agent-2026'), onUrl: () => 'cancel' });
  const whoami = () => client.callTool({ name: 'notes___whoami', arguments: {} });
  assert.equal(text(await whoami()), 'notes knows you as cloud-bob');
  world.notes.forget('cloud-bob');
  const refused = await whoami();
  assert.equal(refused.isError, true);
  assert.match(text(refused), /Try again/);
  assert.equal(text(await world.plainCall('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  assert.equal(text(await whoami()), 'notes knows you as cloud-bob');
  assert.equal(renewals(), before + 1);
  await client.close();
  await bob.close();
});

test('U5: a tool that needs more asks for the union, and works once the person has agreed; the other tools never stopped', async () => {
  const alice = await world.visitor('alice');
  world.notes.demand('add', 'mcp:write');
  const add = async () => text(await world.plainCall('alice', 'notes___add', { text: 'wider' }));
  const asked = await add();
  assert.match(asked, /^Notes needs more permissions/);
  assert.equal(text(await world.plainCall('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  assert.match(await add(), /^Notes needs more permissions/);

  await alice.open(linkIn(asked, 'notes'));
  await alice.goOn({ until: 'latchkey: consent' });
  const page = await alice.text();
  assert.match(page, /mcp:write new/);
  assert.doesNotMatch(page, /mcp:read new/);
  const screens = await alice.goOn();
  assert.equal(screens.at(-1), 'latchkey: connected');

  assert.equal(await add(), 'kept');
  assert.equal(text(await world.plainCall('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  assert.deepEqual(new Set(world.notes.accepted.at(-1).claims.scope.split(' ')), new Set(['mcp:read', 'mcp:write']));
  await alice.close();
});

test('U5: 2026-07-28 holds the call until the person has agreed', async () => {
  const bob = await world.visitor('bob');
  const links = [];
  const client = await modernClient({
    endpoint: world.gateway,
    token: await world.token('bob', 'agent-2026'),
    onUrl: async ({ url }) => {
      links.push(url);
      await bob.connect(url);
      return 'accept';
    },
  });
  assert.equal(text(await client.callTool({ name: 'notes___add', arguments: { text: 'wider' } })), 'kept');
  assert.equal(links.length, 1);
  await client.close();
  await bob.close();
});

test('U5: a server that is never satisfied is asked for three times', async () => {
  const alice = await world.visitor('alice');
  world.notes.demand('list', 'mcp:everything');
  const list = async () => text(await world.plainCall('alice', 'notes___list'));
  for (let attempt = 0; attempt < 3; attempt += 1) await alice.connect(linkIn(await list(), 'notes'));
  assert.match(await list(), /Do not try again/);
  assert.equal(text(await world.plainCall('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  await alice.close();
});
