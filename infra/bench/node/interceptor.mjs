// The same interceptor in Node.js, written as the public samples of gateway interceptors are: clients at module level,
// the AWS SDK, jose with its remote key set, one GetItem per call, the body as an object.
import { createDecipheriv, createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, PutItemCommand, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { BASE_URL, CONNECTIONS_TABLE, IDP_CLIENTS, IDP_ISSUER, TARGETS_TABLE, TOKEN_KEYS_SECRET } = process.env;

const dynamodb = new DynamoDBClient();
const secrets = new SecretsManagerClient();
const keys = createRemoteJWKSet(new URL(`${IDP_ISSUER}/jwks.json`));

function lengthPrefixed(...fields) {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field);
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(bytes.length));
      return [length, bytes];
    }),
  );
}

async function readRing() {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: TOKEN_KEYS_SECRET }));
  const numbered = Object.entries(JSON.parse(SecretString)).filter(([number]) => number !== 'seal');
  return new Map(numbered.map(([number, text]) => [Number(number), hkdfSync('sha256', text, 'latchkey', 'tokens', 32)]));
}

async function readTargets() {
  const found = new Map();
  for await (const page of paginateScan({ client: dynamodb }, { TableName: TARGETS_TABLE })) {
    for (const item of page.Items) {
      const record = JSON.parse(item.record.S);
      found.set(record.name, record);
    }
  }
  return found;
}

const ring = await readRing();
const targets = await readTargets();

function open(sealed, owner) {
  const key = Buffer.from(ring.get(sealed[0]));
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13)).setAAD(owner);
  decipher.setAuthTag(sealed.subarray(-16));
  return JSON.parse(Buffer.concat([decipher.update(sealed.subarray(13, -16)), decipher.final()]));
}

function seal(tokens, owner) {
  const number = Math.max(...ring.keys());
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(ring.get(number)), nonce).setAAD(owner);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(tokens)), cipher.final()]);
  return Buffer.concat([Buffer.from([number]), nonce, sealed, cipher.getAuthTag()]);
}

const output = (mcp) => ({ interceptorOutputVersion: '1.0', mcp });

function forward(token, body) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return output({ transformedGatewayRequest: { headers, body } });
}

function challenge(target, body) {
  const text = `${target.title} is not connected. Show the user this link: ${BASE_URL}/authorize/${target.name}`;
  const result = { content: [{ type: 'text', text }], isError: true };
  return output({ transformedGatewayResponse: { statusCode: 200, body: { jsonrpc: '2.0', id: body.id, result } } });
}

async function renewed(tokens, item, target, owner) {
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh, client_id: target.client.client_id };
  const answer = await fetch(target.authorization_server.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ ...form, resource: target.resource }),
  });
  if (!answer.ok) throw new Error('the token endpoint refuses');
  const granted = await answer.json();
  const won = {
    ...tokens,
    access: granted.access_token,
    refresh: granted.refresh_token ?? tokens.refresh,
    expires_at: Math.floor(Date.now() / 1000) + granted.expires_in,
  };
  const changed = { sealed: { B: seal(won, owner) }, expires_at: { N: String(won.expires_at) } };
  await dynamodb.send(new PutItemCommand({ TableName: CONNECTIONS_TABLE, Item: { ...item, ...changed } }));
  return won;
}

export async function handler(event) {
  const { gatewayRequest, gatewayResponse } = event.mcp;
  if (gatewayResponse) {
    const { statusCode, body } = gatewayResponse;
    return output({ transformedGatewayResponse: { statusCode, body } });
  }
  const { body } = gatewayRequest;
  if (body.method !== 'tools/call') return forward(null, body);
  const [name, tool] = body.params.name.split('___');
  const target = targets.get(name);
  if (tool === undefined || !target) return forward(null, body);

  const headers = Object.fromEntries(Object.entries(gatewayRequest.headers).map(([key, value]) => [key.toLowerCase(), value]));
  const jwt = headers.authorization.replace(/^Bearer /, '');
  const { payload } = await jwtVerify(jwt, keys, { algorithms: ['RS256'], issuer: IDP_ISSUER, requiredClaims: ['exp', 'sub'] });
  if (payload.client_id !== IDP_CLIENTS) throw new Error('another client holds the token');

  const subject = createHash('sha256').update(lengthPrefixed(IDP_ISSUER, payload.sub)).digest('base64url');
  const { Item: item } = await dynamodb.send(
    new GetItemCommand({
      TableName: CONNECTIONS_TABLE,
      Key: { subject: { S: subject }, target: { S: name } },
      ConsistentRead: true,
    }),
  );
  if (item?.status.S !== 'active') return challenge(target, body);
  const owner = lengthPrefixed('tokens', subject, name, target.resource, target.authorization_server.issuer);
  let tokens = open(Buffer.from(item.sealed.B), owner);
  if (Number(item.expires_at.N) <= Date.now() / 1000 + 60) tokens = await renewed(tokens, item, target, owner);
  return forward(tokens.access, body);
}
