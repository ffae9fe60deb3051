// A protected MCP server on the official SDK. It accepts tokens of its authorization server for its own resource and nothing else.
import http from 'node:http';
import https from 'node:https';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { z } from 'zod';

/** With `tls`, it is at `localhost`, by https. */
export async function startMcpServer({ name, port, issuer, log, tls }) {
  const origin = tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  const resource = `${origin}/mcp`;
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const notes = new Map();
  // Tokens that were accepted, by the person that they are for; and those of them that no longer are.
  const known = new Map();
  const forgotten = new Set();
  const demands = new Map();
  const offered = new Set();

  const part = {
    name,
    resource,
    /** The claims of every token that came in and was accepted, with the protocol revision and the method it came for. */
    accepted: [],
    /** The issuer and the reason of every token that came in and was refused, and of every call without one. */
    refused: [],
    tools,
    /** From now on the tool needs this scope. */
    demand: (tool, scope) => demands.set(tool, scope),
    /** From now on has this tool as well, or no longer. */
    offer: (tool, is = true) => (is ? offered.add(tool) : offered.delete(tool)),
    /** From now on refuses the tokens it has accepted so far, all of them or those of one person: they were revoked, for all it says. */
    forget(sub) {
      for (const [token, owner] of known) if (sub === undefined || sub === owner) forgotten.add(token);
    },
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };

  const handler = createMcpHandler(({ authInfo }) => {
    const sub = authInfo?.extra.sub;
    const mcp = new McpServer({ name, version: '1.0.0' });
    const text = (value) => ({ content: [{ type: 'text', text: value }] });
    const mine = () => notes.get(sub) ?? notes.set(sub, []).get(sub);
    mcp.registerTool('whoami', { description: 'Says as whom the caller is known here' }, () => text(`${name} knows you as ${sub}`));
    mcp.registerTool('add', { description: 'Keeps a note', inputSchema: z.object({ text: z.string() }) }, (note) => {
      mine().push(note.text);
      return text('kept');
    });
    mcp.registerTool('list', { description: 'Lists the notes of the caller' }, () => text(JSON.stringify(mine())));
    for (const tool of offered) mcp.registerTool(tool, { description: 'Came later' }, () => text(tool));
    return mcp;
  });
  const serveMcp = toNodeHandler(handler);

  const onRequest = async (req, res) => {
    if (req.url === '/.well-known/oauth-protected-resource/mcp') {
      res.writeHead(200, { 'content-type': 'application/json' });
      return res.end(JSON.stringify({ resource, authorization_servers: [issuer], scopes_supported: ['mcp:read', 'mcp:write'], bearer_methods_supported: ['header'] }));
    }
    if (req.url !== '/mcp') return res.writeHead(404).end();
    const body = req.method === 'POST' ? JSON.parse(Buffer.concat(await Array.fromAsync(req)).toString()) : undefined;
    const token = /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1];
    try {
      const { payload } = await jwtVerify(token ?? '', keys, { issuer, audience: resource, typ: 'at+jwt', requiredClaims: ['exp', 'sub'] });
      if (forgotten.has(token)) throw new Error('revoked');
      known.set(token, payload.sub);
      const needed = body?.method === 'tools/call' ? demands.get(body.params?.name) : undefined;
      if (needed && !(payload.scope ?? '').split(' ').includes(needed)) {
        log('too narrow', { needed, sub: payload.sub });
        res.writeHead(403, { 'www-authenticate': `Bearer error="insufficient_scope", scope="${needed}", resource_metadata="${metadata}"` });
        return res.end();
      }
      const call = { method: body?.method, revision: req.headers['mcp-protocol-version'] };
      part.accepted.push({ ...call, claims: payload });
      log('accepted', { ...call, sub: payload.sub, aud: payload.aud });
      req.auth = { token, clientId: payload.client_id, scopes: payload.scope?.split(' ') ?? [], extra: { sub: payload.sub } };
      return await serveMcp(req, res, body);
    } catch (error) {
      const refusal = { method: body?.method, issuer: issuerOf(token), reason: token ? error.message : 'no token' };
      part.refused.push(refusal);
      log('refused', refusal);
      res.writeHead(401, { 'www-authenticate': `Bearer error="invalid_token", resource_metadata="${metadata}", scope="mcp:read"` });
      return res.end();
    }
  };
  const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest);

  /** The result of `tools/list`, as an operator writes it into the gateway's target: taken from the server itself, past the door. */
  async function tools() {
    const response = await handler.fetch(new Request(resource, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    }));
    return JSON.parse((await response.text()).replace(/^[^{]*data: /s, '')).result;
  }

  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  log('listening', { resource });
  return part;
}

function issuerOf(token) {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
