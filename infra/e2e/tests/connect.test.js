// An operator connects MCP servers from nothing but their address, and people use them: with each of the three ways to become a client.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { folderOf } from '../artifacts.js';
import { remember } from '../secrets.js';
import { startUnconnected, until } from '../unconnected.js';

const folder = folderOf(import.meta.url);
const secret = `${randomBytes(24).toString('base64url')}:+%/`;
remember('client_secret', secret);

let local, broker;
before(async () => {
  local = await startUnconnected(folder, {
    servers: {
      ledger: { features: { registration: { enabled: true }, registrationManagement: { enabled: true } } },
      archive: { clients: (redirect) => [{ client_id: 'the-archive', client_secret: secret, redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_basic' }] },
    },
  });
  broker = await startUnconnected(`${folder}/public`, {
    public: true,
    servers: { atlas: { features: { clientIdMetadataDocument: { enabled: true, ack: 'draft-02' } } } },
  });
});
after(async () => { await local?.close(); await broker?.close(); });

const textOf = (body) => body.result.content.map(({ text }) => text).join('\n');

/** The whole way of a person from the first, refused call to one that is answered. */
async function connectPerson(world, person, name) {
  const link = await world.link(person, name);
  const visitor = await world.visitor(person, name);
  await visitor.connect(link);
  await visitor.close();
  assert.equal(textOf(await world.plainCall(person, `${name}___whoami`)), `${name} knows you as cloud-${person}`);
}

test('a dry run says what would be done, and does nothing', async () => {
  const { code, json } = await local.operate(['connect', local.ledger.url, '--name', 'ledger', '--dry-run', '--json']);
  assert.equal(code, 0);
  assert.deepEqual([json.outcome, json.dry_run, json.registration.way, json.registration.client_id], ['connected', true, 'dynamic', null]);
  assert.deepEqual(local.ledger.as.registered, []);
  assert.deepEqual((await local.operate(['targets', '--json'])).json.targets, []);
});

test('R4: with dynamic registration: from the address to the first tool call', async () => {
  const { code, stdout, stderr } = await local.operate(['connect', local.ledger.url, '--name', 'ledger', '--title', 'The Ledger']);
  assert.equal(code, 0, stderr);
  // What was asked, as it went; then the verdict.
  assert.match(stderr, /wants a token \(401 Unauthorized\)\n.*oauth-protected-resource\/mcp: is used\n.*oauth-authorization-server: /s);
  assert.match(stdout, /^ledger is connected\./);
  assert.match(stdout, /registration +dynamic, client_secret_basic/);
  assert.match(stdout, /PKCE with S256 +yes/);
  assert.equal(local.ledger.as.registered.length, 1);

  await connectPerson(local, 'alice', 'ledger');
  assert.ok(!(await local.listTools('alice')).some(({ name }) => name.startsWith('ledger___')), 'nobody said which tools it has');
});

test('R7: connecting again checks again, and registers nobody', async () => {
  const { code, json } = await local.operate(['connect', local.ledger.url, '--name', 'ledger', '--json']);
  assert.deepEqual([code, json.outcome, json.title, json.registration.kept], [0, 'unchanged', 'The Ledger', true]);
  assert.equal(local.ledger.as.registered.length, 1);
});

test('R1: where nobody can register but by hand, the operator is told what to register, and does', async () => {
  const refused = await local.operate(['connect', local.archive.url, '--name', 'archive', '--json']);
  assert.equal(refused.code, 1);
  assert.equal(refused.json.error.kind, 'register_by_hand');
  assert.ok(refused.json.error.problem.includes(`${local.origin}/callback/archive`), refused.json.error.problem);

  const byHand = (file) => ['--client-id', 'the-archive', '--issuer', local.archive.as.issuer, '--client-secret-file', `${folder}/config/${file}`];
  fs.writeFileSync(`${folder}/config/not-the-secret`, 'not the secret of the archive');
  const wrong = await local.operate(['connect', local.archive.url, '--name', 'archive', '--json', ...byHand('not-the-secret')]);
  assert.deepEqual([wrong.code, wrong.json.error.kind], [1, 'client_refused']);
  const unnamed = await local.operate(['connect', local.archive.url, '--name', 'archive', '--json', '--client-id', 'the-archive', '--client-secret-file', `${folder}/config/not-the-secret`]);
  assert.deepEqual([unnamed.code, unnamed.json.error.kind], [1, 'issuer_not_given']);

  fs.writeFileSync(`${folder}/config/archive-secret`, `${secret}\n`);
  fs.writeFileSync(`${folder}/config/archive-tools.json`, JSON.stringify(await local.archive.mcp.tools()));
  const args = [...byHand('archive-secret'), '--tools', `${folder}/config/archive-tools.json`];
  const { code, json } = await local.operate(['connect', local.archive.url, '--name', 'archive', '--json', ...args]);
  assert.deepEqual([code, json.registration.way, json.registration.client_id, json.tools], [0, 'by_hand', 'the-archive', 3]);

  await connectPerson(local, 'bob', 'archive');
  const names = (await local.listTools('bob')).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.startsWith('archive___')).sort(), ['archive___add', 'archive___list', 'archive___whoami']);
});

test('R2: with a client ID metadata document, which the authorization server reads over https', async () => {
  const { code, json } = await broker.operate(['connect', broker.atlas.url, '--name', 'atlas', '--json']);
  assert.equal(code, 0, JSON.stringify(json));
  assert.deepEqual([json.registration.way, json.registration.client_id], ['document', `${broker.origin}/client/atlas`]);
  assert.equal(json.registration.token_endpoint_auth_method, 'private_key_jwt');

  await connectPerson(broker, 'alice', 'atlas');
  assert.deepEqual([broker.atlas.as.tokenRequests[0].client, broker.atlas.as.tokenRequests[0].outcome], [`${broker.origin}/client/atlas`, 'success']);

  // A certificate that the public does not trust is one that most authorization servers would not accept, and the doctor is no exception.
  const doctor = await broker.operate(['doctor', 'atlas', '--json']);
  assert.deepEqual([doctor.code, doctor.json.targets[0].drift.map(({ kind }) => kind)], [1, ['document_unreachable']]);
});

test('what was connected outlives a restart, and the doctor finds it as it was', async () => {
  assert.equal(await local.restart(), 0);
  assert.equal(textOf(await local.plainCall('alice', 'ledger___whoami')), 'ledger knows you as cloud-alice');
  assert.equal(textOf(await local.plainCall('bob', 'archive___whoami')), 'archive knows you as cloud-bob');
  const { code, json } = await local.operate(['doctor', '--all', '--json']);
  assert.deepEqual(json.targets.map(({ name, drift, unchecked }) => ({ name, drift, unchecked })), [
    { name: 'archive', drift: [], unchecked: [] },
    { name: 'ledger', drift: [], unchecked: [] },
  ]);
  assert.equal(code, 0);
});

test('R5: a client that its authorization server has forgotten is found, and replaced', async () => {
  const [forgotten] = local.ledger.as.registered;
  await local.ledger.as.forget(forgotten);
  const doctor = await local.operate(['doctor', 'ledger', '--json']);
  assert.deepEqual([doctor.code, doctor.json.targets[0].drift.map(({ kind }) => kind)], [1, ['client_refused']]);

  const { code, json } = await local.operate(['connect', local.ledger.url, '--name', 'ledger', '--json']);
  assert.deepEqual([code, json.outcome, json.registration.kept], [0, 'updated', false]);
  assert.equal(local.ledger.as.registered.length, 2);
  assert.equal(json.registration.client_id, local.ledger.as.registered[1]);
  await connectPerson(local, 'bob', 'ledger');
});

test('what is removed can no longer be called, and its registration is given back', async () => {
  const { code, stdout } = await local.operate(['targets', 'remove', 'ledger']);
  assert.equal(code, 0);
  assert.match(stdout, /given back to/);
  assert.deepEqual(local.ledger.as.ended, [local.ledger.as.registered[1]]);
  await until(async () => {
    const { error } = await local.plainCall('bob', 'ledger___whoami');
    assert.match(error?.message ?? '', /Unknown tool/);
  });
  assert.equal(textOf(await local.plainCall('bob', 'archive___whoami')), 'archive knows you as cloud-bob');
  assert.deepEqual((await local.operate(['targets', '--json'])).json.targets.map(({ name }) => name), ['archive']);
  assert.equal((await local.operate(['doctor', 'ledger'])).code, 2);
});
