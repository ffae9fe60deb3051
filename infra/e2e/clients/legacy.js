// A client of MCP 2025-11-25: learns from error -32042 that a URL has to be visited, and sends the call again when told to.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';

export async function legacyClient({ endpoint, token }) {
  const client = new Client({ name: 'e2e-legacy', version: '1.0.0' }, { capabilities: { elicitation: { url: {} } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
  return client;
}
