// The whole story on the functions' own binaries: an operator connects a protected MCP server, a first person consents, the gateway gets
// the tools, another person is asked, consents and is served, the sweep renews, and who disconnects is asked again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forgotten } from '../../memory.js';
import { startDeployment } from '../world.js';

let world, alice, bob, since;
before(async () => {
  since = Date.now();
  world = await startDeployment(import.meta.url);
  alice = await world.visitor('alice');
  bob = await world.visitor('bob');
});
after(() => world?.close());

const said = (body) => body.result.content[0].text;

test('an operator connects the server from nothing but its address', async () => {
  const { code, json, stderr } = await world.operate(['connect', world.notes.resource, '--name', 'notes', '--title', 'Notes', '--json']);
  assert.equal(code, 0, stderr);
  assert.deepEqual([json.outcome, json.registration.way], ['connected', 'dynamic']);
  assert.equal(world.as.registered.length, 1);
});

test('until somebody consented nobody can say which tools it has', async () => {
  await world.settle('Catalog');
  assert.deepEqual([await world.targets(), await world.list('alice')], [[], []]);
});

test('the first who consents is the steward, and the gateway gets the tools that the server shows them', async () => {
  await alice.connect(`${world.origin}/authorize/notes`);
  await world.settle('Catalog');
  const [target, ...others] = await world.targets();
  assert.deepEqual(others, []);
  assert.deepEqual([target.name, target.status, target.endpoint, target.providers], ['notes', 'READY', world.notes.resource, []]);
  assert.deepEqual(target.tools, await world.served());
  const { recipe, steward } = await world.catalog('notes');
  assert.equal(recipe, 'static');
  assert.match(steward, /^[\w-]{43}$/);
  assert.deepEqual((await world.list('bob')).sort(), ['notes___add', 'notes___list', 'notes___whoami']);
});

test('another person is asked to connect, consents, and their own call is answered', async () => {
  // What is due in some seconds, for the sweep.
  await world.edit('notes', (record) => ({ ...record, quirks: { refresh_token_absolute: 8 } }));
  await bob.connect(await world.link('bob', 'notes'));
  assert.equal(said(await world.call('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
  assert.equal(said(await world.call('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  assert.equal(said(await world.call('bob', 'notes___add', { text: 'of bob' })), 'kept');
  assert.equal(said(await world.call('alice', 'notes___list')), '[]');
  await world.settle('Catalog');
  assert.equal((await world.targets()).length, 1);
});

test('a tool that the server has later is in the gateway after the next look', async () => {
  world.notes.offer('search');
  await world.settle('Catalog');
  assert.ok((await world.list('bob')).includes('notes___search'));
  assert.equal(said(await world.call('bob', 'notes___search')), 'search');
});

test('what is due is queued by the schedule, and renewed from the queue', async () => {
  const [{ bodies: [body], answer }] = await world.sweep(1);
  assert.deepEqual([Object.keys(body), body.target, answer], [['subject', 'target'], 'notes', { batchItemFailures: [] }]);
  assert.equal(said(await world.call('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
});

test('who disconnects is asked again, and the other is not', async () => {
  await bob.open(`${world.origin}/connections`);
  assert.equal(await bob.choose('button', 'Disconnect Notes'), 'latchkey: connections');
  assert.match(await bob.text(), /confirmed that the permission is withdrawn/);
  await forgotten();
  await world.link('bob', 'notes');
  assert.equal(said(await world.call('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
});

test('the doctor finds a deployment as it has to be', async () => {
  const { code, json } = await world.operate(['doctor', '--all', '--json']);
  assert.deepEqual([json.deployment.findings, json.deployment.unchecked, json.targets.map(({ name, drift, unchecked }) => ({ name, drift, unchecked }))], [[], [], [{ name: 'notes', drift: [], unchecked: [] }]]);
  assert.equal(code, 0);
});

test('an operator ends everybody\'s connections, and whoever calls then is asked', async () => {
  assert.equal((await world.operate(['disconnect', '--target', 'notes', '--everyone', '--yes'])).code, 0);
  await forgotten();
  await world.link('alice', 'notes');
});

test('an operator removes the server, and nothing of it stays', async () => {
  const { code, stderr } = await world.operate(['targets', 'remove', 'notes']);
  assert.equal(code, 0, stderr);
  assert.deepEqual([await world.targets(), await world.secrets(), world.as.ended], [[], [], world.as.registered]);
});

test('no function asked for what its role does not allow', async (t) => {
  const calls = await world.account.calls();
  assert.deepEqual(calls.filter(({ allowed }) => !allowed), []);
  const pairs = new Set(calls.filter(({ caller }) => caller !== 'operator').map(({ caller, action, resources }) => `${caller} ${action} ${resources.map((arn) => arn.split(':').slice(5).join(':'))}`));
  t.diagnostic(`${calls.length} calls of ${pairs.size} kinds in ${((Date.now() - since) / 1000).toFixed(1)} s`);
  for (const pair of [...pairs].sort()) t.diagnostic(pair);
});
