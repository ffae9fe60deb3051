// Tokens that the gateway must not take: none of these calls may reach an MCP server, or get a link to connect one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { call } from '../clients/plain.js';
import { machineToken, personToken } from '../clients/token.js';
import { remember } from '../secrets.js';
import { startWorld } from '../world.js';

let world;
let claims;
before(async () => {
  world = await startWorld(import.meta.url);
  // Alice is connected: whoever gets through as Alice would get an answer.
  const alice = await world.visitor('alice');
  await alice.connect(await world.link('alice', 'notes'));
  await alice.close();
  claims = decodeJwt(await world.token('alice', 'agent-plain'));
});
after(() => world?.close());

async function refused(token, { status }) {
  remember('access_token', token);
  const served = world.notes.accepted.length;
  for (const revision of ['2025-06-18', '2025-11-25']) {
    const answer = await call({ endpoint: world.gateway, token, revision }, 'notes___whoami');
    assert.equal(answer.status, status, answer.text);
    assert.doesNotMatch(answer.text, /knows you as|\/authorize\//);
    if (status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/i);
    else assert.ok(answer.body.error || answer.body.result.isError, answer.text);
  }
  assert.equal(world.notes.accepted.length, served);
  assert.deepEqual(world.notes.refused, []);
}

test('the same claims with the signature of the identity provider are taken', async () => {
  const key = await importJWK(world.idp.signingKey, 'RS256');
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: world.idp.signingKey.kid }).sign(key);
  remember('access_token', token);
  const answer = await call({ endpoint: world.gateway, token }, 'notes___whoami');
  assert.match(answer.text, /notes knows you as cloud-alice/);
});

test('no Authorization header', () => refused(undefined, { status: 401 }));

test('an expired token', async () => {
  await refused(await personToken(world.idp, { person: 'alice', client: 'agent-expired', resource: world.gateway }), { status: 401 });
});

test('a token for another audience', async () => {
  await refused(await personToken(world.idp, { person: 'alice', client: 'agent-plain', resource: 'https://elsewhere.example/mcp' }), { status: 401 });
});

test('an unsigned token (alg none)', () => refused(new UnsecuredJWT(claims).encode(), { status: 401 }));

test('a token signed with a key of somebody else under the same key id', async () => {
  const { privateKey } = await generateKeyPair('RS256');
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: world.idp.signingKey.kid }).sign(privateKey);
  await refused(token, { status: 401 });
});

test('a token whose HMAC was made with the public key (RS256 taken for HS256)', async () => {
  const publicKey = await importJWK({ kty: 'RSA', n: world.idp.signingKey.n, e: world.idp.signingKey.e }, 'RS256');
  const secret = new TextEncoder().encode(await exportSPKI(publicKey));
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: world.idp.signingKey.kid }).sign(secret);
  await refused(token, { status: 401 });
});

test('a token of the authorization server of an MCP server', async () => {
  const token = await personToken(world.as, { person: 'alice', client: 'direct', resource: world.notes.resource, scope: 'mcp:read' });
  await refused(token, { status: 401 });
});

test('a token of a machine: it passes the gateway, but there is no person to act for', async () => {
  // The stand-in's authorizer takes it, like the gateway would: issuer, audience and signature are right.
  await refused(await machineToken(world.idp, { client: 'robot', secret: world.machineSecret, resource: world.gateway }), { status: 200 });
});
