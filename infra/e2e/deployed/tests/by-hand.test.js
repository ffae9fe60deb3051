// A target that an operator wrote by hand, on the functions' own binaries: from the first, refused call to the end of the connection.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { forgotten } from '../../memory.js';
import { startDeployment } from '../world.js';

let world, alice, bob;
before(async () => {
  world = await startDeployment(import.meta.url);
  await write(world, { quirks: { refresh_token_absolute: 8 } });
  alice = await world.visitor('alice');
  bob = await world.visitor('bob');
});
after(() => world?.close());

const said = (body) => body.result.content[0].text;

/** The registry's row, the client at the authorization server, and the gateway's target. */
async function write({ account, as, notes, origin }, more) {
  const registration = { redirect_uris: [`${origin}/callback/notes`], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_basic' };
  const metadata = await (await fetch(`${as.origin}/.well-known/openid-configuration`)).json();
  const client = await (await fetch(metadata.registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(registration) })).json();
  const secret = `${account.outputs.ClientSecretPrefix}notes`;
  await account.ask('secretsmanager', 'secretsmanager.CreateSecret', { Name: secret, SecretString: client.client_secret, ClientRequestToken: crypto.randomUUID() });
  const record = {
    name: 'notes',
    title: 'Notes',
    endpoint: notes.resource,
    resource: notes.resource,
    scopes: ['mcp:read', 'offline_access'],
    authorization_server: {
      issuer: as.issuer,
      authorization_endpoint: metadata.authorization_endpoint,
      token_endpoint: metadata.token_endpoint,
      revocation_endpoint: metadata.revocation_endpoint,
      authorization_response_iss_parameter_supported: true,
    },
    client: { client_id: client.client_id, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
    ...more,
  };
  await account.ask('dynamodb', 'DynamoDB_20120810.PutItem', { TableName: account.outputs.TargetsTable, Item: { name: { S: 'notes' }, record: { S: JSON.stringify(record) } } });
  const schema = JSON.stringify(await notes.tools());
  const path = `/gateways/${account.outputs.GatewayId}`;
  const made = await account.control('POST', `${path}/targets/`, { name: 'notes', targetConfiguration: { mcp: { mcpServer: { endpoint: notes.resource, mcpToolSchema: { inlinePayload: schema } } } } });
  while ((await account.control('GET', `${path}/targets/${made.targetId}/`)).status !== 'READY');
}

/** Changes a key ring as an operator does, and has every function begin anew, as a new version of each would. */
async function change(ring, to) {
  const SecretId = world.account.outputs[ring];
  const { SecretString } = await world.account.ask('secretsmanager', 'secretsmanager.GetSecretValue', { SecretId });
  const changed = JSON.stringify(to(JSON.parse(SecretString)));
  await world.account.ask('secretsmanager', 'secretsmanager.PutSecretValue', { SecretId, SecretString: changed, ClientRequestToken: crypto.randomUUID() });
  for (const { kill } of world.functions.values()) kill();
}

test('the gateway lists the tools without anybody having connected', async () => {
  assert.deepEqual((await world.list('alice')).sort(), ['notes___add', 'notes___list', 'notes___whoami']);
});

test('who is not connected is asked to, connects, and the same call is answered', async () => {
  await alice.connect(await world.link('alice', 'notes'));
  assert.equal(said(await world.call('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  assert.deepEqual(world.notes.refused, []);
});

test('another person is asked as well, and each has their own', async () => {
  await bob.connect(await world.link('bob', 'notes'));
  assert.equal(said(await world.call('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
  assert.equal(said(await world.call('bob', 'notes___add', { text: 'of bob' })), 'kept');
  assert.equal(said(await world.call('alice', 'notes___list')), '[]');
});

test('a new key comes into both rings, first to open and then to seal, and nobody has to connect again', async () => {
  const rings = ['BrowserKeysSecret', 'TokenKeysSecret'];
  for (const ring of rings) await change(ring, (keys) => ({ ...keys, 2: randomBytes(32).toString('hex'), seal: '1' }));
  for (const who of ['alice', 'bob']) assert.equal(said(await world.call(who, 'notes___whoami')), `notes knows you as cloud-${who}`);
  for (const ring of rings) await change(ring, ({ seal, ...keys }) => keys);
  for (const who of ['alice', 'bob']) assert.equal(said(await world.call(who, 'notes___whoami')), `notes knows you as cloud-${who}`);
});

test('what is due is queued by the schedule, and renewed from the queue', async () => {
  const done = await world.sweep(2);
  assert.deepEqual(done.flatMap(({ answer }) => answer.batchItemFailures), []);
  for (const { bodies } of done) for (const body of bodies) assert.deepEqual([Object.keys(body), body.target], [['subject', 'target'], 'notes']);
  assert.equal(said(await world.call('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
});

test('what was renewed is sealed with the new key, and the old one may go', async () => {
  await change('TokenKeysSecret', ({ 2: key }) => ({ 2: key }));
  for (const who of ['alice', 'bob']) assert.equal(said(await world.call(who, 'notes___whoami')), `notes knows you as cloud-${who}`);
});

test('who disconnects is asked again, and the other is not', async () => {
  await alice.open(`${world.origin}/connections`);
  assert.equal(await alice.choose('button', 'Disconnect Notes'), 'latchkey: connections');
  assert.match(await alice.text(), /confirmed that the permission is withdrawn/);
  await forgotten();
  await world.link('alice', 'notes');
  assert.equal(said(await world.call('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
});

test('no function asked for what its role does not allow', async () => {
  const calls = await world.account.calls();
  assert.deepEqual(calls.filter(({ allowed }) => !allowed), []);
});
