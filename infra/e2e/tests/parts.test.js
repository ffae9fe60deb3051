// The parts themselves: a suite is worth what its counterparts refuse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { folderOf } from '../artifacts.js';
import { inspectorCall } from '../clients/inspector.js';
import { legacyClient } from '../clients/legacy.js';
import { modernClient } from '../clients/modern.js';
import { call, oldClient } from '../clients/plain.js';
import { machineToken, personToken } from '../clients/token.js';
import { startParts } from '../world.js';

const folder = folderOf(import.meta.url);
let parts;
before(async () => { parts = await startParts(folder); });
after(() => parts?.close());

const cloudToken = (person, resource) => personToken(parts.as, { person, client: 'direct', resource, scope: 'mcp:read' });

test('the identity provider issues tokens of people and of machines, and expired ones', async () => {
  const resource = parts.gateway;
  const person = decodeJwt(await personToken(parts.idp, { person: 'bob', client: 'agent-plain', resource }));
  assert.deepEqual([person.iss, person.sub, person.aud, person.client_id], [parts.idp.issuer, 'bob', resource, 'agent-plain']);
  const machine = decodeJwt(await machineToken(parts.idp, { client: 'robot', secret: parts.idpSecret, resource }));
  assert.deepEqual([machine.sub, machine.client_id], ['robot', 'robot']);
  const expired = decodeJwt(await personToken(parts.idp, { person: 'alice', client: 'agent-expired', resource }));
  assert.ok(expired.exp < Date.now() / 1000 - 600);
});

test('the MCP server answers 401 with its metadata to a call without a token', async () => {
  const answer = await call({ endpoint: parts.notes.resource }, 'whoami');
  assert.equal(answer.status, 401);
  const [, metadata] = /resource_metadata="([^"]+)"/.exec(answer.headers.get('www-authenticate'));
  assert.equal((await (await fetch(metadata)).json()).resource, parts.notes.resource);
});

test('the MCP server refuses a token of the gateway and knows where it came from', async () => {
  const token = await personToken(parts.idp, { person: 'alice', client: 'agent-2026', resource: parts.gateway });
  assert.equal((await call({ endpoint: parts.notes.resource, token }, 'whoami')).status, 401);
  assert.equal(parts.notes.refused.at(-1).issuer, parts.idp.issuer);
});

test('the MCP server refuses a token of its authorization server for the other MCP server', async () => {
  const token = await cloudToken('alice', parts.files.resource);
  assert.equal((await call({ endpoint: parts.notes.resource, token }, 'whoami')).status, 401);
  assert.match(parts.notes.refused.at(-1).reason, /"aud"/);
});

test('every client reaches the MCP server in the revision that is promised for it', async () => {
  const endpoint = parts.notes.resource;
  const token = await cloudToken('bob', endpoint);
  const expected = [{ type: 'text', text: 'notes knows you as cloud-bob' }];
  const revision = () => parts.notes.accepted.at(-1).revision;

  const modern = await modernClient({ endpoint, token, onUrl: () => 'cancel' });
  assert.deepEqual((await modern.callTool({ name: 'whoami', arguments: {} })).content, expected);
  assert.equal(revision(), '2026-07-28');
  await modern.close();

  const legacy = await legacyClient({ endpoint, token });
  assert.deepEqual((await legacy.callTool({ name: 'whoami', arguments: {} })).content, expected);
  assert.equal(revision(), '2025-11-25');
  await legacy.close();

  const old = await oldClient({ endpoint, token });
  assert.equal(old.protocolVersion, '2025-06-18');
  assert.deepEqual((await old.callTool('whoami')).result.content, expected);
  assert.equal(revision(), '2025-06-18');

  for (const [era, spoken] of [['legacy', '2025-11-25'], ['modern', '2026-07-28']]) {
    const inspector = await inspectorCall({ endpoint, token, tool: 'whoami', era, home: folder });
    assert.match(inspector.stdout, /notes knows you as cloud-bob/, inspector.stderr);
    assert.equal(inspector.code, 0);
    assert.equal(revision(), spoken);
  }
});
