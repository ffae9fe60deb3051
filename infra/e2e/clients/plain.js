// JSON-RPC over fetch: for revisions that no current SDK speaks first, and for requests that no SDK would send.

/** Sends one message; answers status, headers and the parsed body. */
export async function post({ endpoint, token, revision = '2025-06-18', message, headers = {} }) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': revision,
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('text/event-stream') ? /^data: (.*)$/m.exec(text)?.[1] : text;
  let body;
  try {
    body = JSON.parse(json);
  } catch {
    body = undefined;
  }
  return { status: response.status, headers: response.headers, text, body };
}

export const call = (options, name, args = {}) => post({ ...options, message: { id: 7, method: 'tools/call', params: { name, arguments: args } } });

/** A client of MCP 2025-06-18: the handshake, then calls. */
export async function oldClient(options) {
  const initialize = await post({
    ...options,
    message: { id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: { elicitation: {} }, clientInfo: { name: 'e2e-old', version: '1.0.0' } } },
  });
  const session = initialize.headers.get('mcp-session-id');
  const headers = session ? { 'mcp-session-id': session } : {};
  await post({ ...options, headers, message: { method: 'notifications/initialized' } });
  return {
    protocolVersion: initialize.body?.result?.protocolVersion,
    callTool: async (name, args) => (await call({ ...options, headers }, name, args)).body,
  };
}
