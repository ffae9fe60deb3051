// What AgentCore Gateway does with an MCP message, for targets that the control plane holds: its interceptor sees each message first, and
// each answer before the client does; a target is sent what the interceptor gave, and no header of the client's but the protocol's.
// It believes every token, as if its authorizer had looked at it before, and keeps no sessions.
// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-interceptors-types.html>
import assert from 'node:assert/strict';
import http from 'node:http';

const VERSIONS = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'];

/** `targets()` answers what the control plane holds; `intercept(event)` invokes the interceptor, and answers `{ answer }` or `{ error }`. */
export async function startGateway({ targets, intercept, log }) {
  const server = http.createServer(async (req, res) => {
    const raw = Buffer.concat(await Array.fromAsync(req)).toString();
    const message = JSON.parse(raw);
    const event = (gatewayResponse) => ({
      interceptorInputVersion: '1.0',
      mcp: {
        rawGatewayRequest: { body: raw },
        gatewayRequest: { path: '/mcp', httpMethod: 'POST', headers: { ...req.headers }, body: message, context: null },
        gatewayResponse,
      },
    });
    const part = { log, targets: await targets(), headers: req.headers };
    let answer;
    try {
      const { transformedGatewayRequest: onward, transformedGatewayResponse: atOnce } = output(await intercept(event(null)));
      answer = atOnce ?? (await served(onward.body, onward.headers ?? {}, part));
      // The documented shape, whoever answered.
      const seen = { statusCode: answer.statusCode, headers: answer.headers ?? {}, body: answer.body ?? null };
      const { transformedGatewayResponse: shown } = output(await intercept(event(seen)));
      answer = { ...answer, ...shown };
    } catch (error) {
      log('internal error', { error: error.message });
      answer = { statusCode: 500, body: { jsonrpc: '2.0', id: message.id ?? null, error: { code: -32603, message: 'An internal error occurred. Please retry later.' } } };
    }
    log('answered', { method: message.method, status: answer.statusCode });
    res.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(answer.body ? JSON.stringify(answer.body) : '');
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${server.address().port}/mcp`,
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}

/** What an interceptor answered, if the service would take it; else the service answers 500. */
function output({ answer, error }) {
  assert.equal(error, undefined, 'the interceptor failed');
  assert.deepEqual(Object.keys(answer).sort(), ['interceptorOutputVersion', 'mcp']);
  assert.equal(answer.interceptorOutputVersion, '1.0');
  const { transformedGatewayRequest: onward, transformedGatewayResponse: atOnce, ...unknown } = answer.mcp;
  assert.deepEqual(unknown, {});
  assert.ok(onward || atOnce, 'the interceptor answered nothing');
  for (const [one, allowed] of [[onward, ['body', 'headers']], [atOnce, ['body', 'headers', 'statusCode']]]) {
    if (!one) continue;
    assert.deepEqual(Object.keys(one).filter((key) => !allowed.includes(key)), []);
    assert.ok(one.body !== null && typeof one.body === 'object' && !Array.isArray(one.body), 'a body is an object');
    for (const value of Object.values(one.headers ?? {})) assert.match(value, /^[\x20-\x7e]+$/);
  }
  return answer.mcp;
}

async function served(message, headers, { log, targets, headers: asked }) {
  const said = (result) => ({ statusCode: 200, headers: { 'content-type': 'application/json' }, body: { jsonrpc: '2.0', id: message.id, result } });
  const refused = (code, text) => ({ ...said(), body: { jsonrpc: '2.0', id: message.id, error: { code, message: text } } });
  if (message.id === undefined) return { statusCode: 202, headers: {}, body: null };
  if (message.method === 'initialize') {
    const wanted = message.params?.protocolVersion;
    return said({ protocolVersion: VERSIONS.includes(wanted) ? wanted : VERSIONS[1], capabilities: { tools: {} }, serverInfo: { name: 'gateway', version: '1' } });
  }
  if (message.method === 'ping') return said({});
  const working = targets.filter(({ tools, shown }) => tools !== null || listsItself(shown));
  if (message.method === 'tools/list') {
    const lists = await Promise.all(working.map(async ({ tools, shown }) => {
      // No token but the interceptor's goes there, and with none the server decides what it shows.
      const listed = tools ?? (await forwarded(message, headers, { shown, asked, log })).body?.result?.tools ?? [];
      return listed.map((tool) => ({ ...tool, name: `${shown.name}___${tool.name}` }));
    }));
    return said({ tools: lists.flat() });
  }
  if (message.method !== 'tools/call') return refused(-32601, 'Method not found');
  const [prefix, ...rest] = (message.params?.name ?? '').split('___');
  const target = working.find(({ shown }) => shown.name === prefix);
  const name = rest.join('___');
  if (!target || (target.tools && !target.tools.some((tool) => tool.name === name))) return refused(-32602, `Unknown tool: ${message.params?.name}`);
  return forwarded({ ...message, params: { ...message.params, name } }, headers, { shown: target.shown, asked, log });
}

const listsItself = ({ status, targetConfiguration }) => status === 'READY' && targetConfiguration.mcp.mcpServer.listingMode === 'DYNAMIC';

/** What the MCP server of a target answers. Of what the interceptor gave, only Authorization leaves: no target here allows more. */
async function forwarded(message, headers, { shown, asked, log }) {
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  const response = await fetch(shown.targetConfiguration.mcp.mcpServer.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(asked['mcp-protocol-version'] && { 'mcp-protocol-version': asked['mcp-protocol-version'] }),
      ...(authorization && { authorization }),
    },
    body: JSON.stringify(message),
  });
  log('forwarded', { target: shown.name, method: message.method, status: response.status, authorized: authorization !== undefined });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('text/event-stream') ? /^data: (.*)$/m.exec(text)?.[1] : text;
  return { statusCode: response.status, headers: Object.fromEntries(response.headers), body: json ? JSON.parse(json) : null };
}
