// A client of MCP 2026-07-28: asks the person itself when the answer is `input_required`, then sends the call again.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** `onUrl` is asked with each elicitation of a URL and answers 'accept', 'decline' or 'cancel'. */
export async function modernClient({ endpoint, token, onUrl, elicitation = { url: {} } }) {
  const client = new Client({ name: 'e2e-modern', version: '1.0.0' }, {
    capabilities: elicitation ? { elicitation } : {},
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  if (elicitation) client.setRequestHandler('elicitation/create', async ({ params }) => ({ action: await onUrl(params) }));
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
  return client;
}
