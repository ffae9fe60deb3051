// Everything that one test file needs, running: both OpenID providers, two MCP servers, Latchkey and a browser.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { folderOf, logFile } from './artifacts.js';
import { launch, openVisitor } from './browser.js';
import { personToken } from './clients/token.js';
import { call } from './clients/plain.js';
import { startLatchkey } from './parts/latchkey.js';
import { startMcpServer } from './parts/mcp-server.js';
import { startAuthorizationServer, startIdentityProvider } from './parts/openid-provider.js';
import { remember } from './secrets.js';

/** The world of the test file at `url`, in a folder of its own. */
export async function startWorld(url, settings = {}) {
  const folder = folderOf(url);
  const parts = await startParts(folder);
  const { ports, gateway, idp, as, notes, files } = parts;

  const start = () => startLatchkey({ config: `${folder}/config/latchkey.toml`, log: `${folder}/latchkey.log` });
  let latchkey, browser;
  try {
    await writeConfig(folder, parts, settings);
    latchkey = await start();
    if (latchkey.endpoint !== gateway) throw new Error(`latchkey is ready at ${latchkey.endpoint}, configured was ${gateway}`);
    browser = await launch();
  } catch (error) {
    await latchkey?.stop();
    await parts.close();
    throw error;
  }
  const sites = { idp: idp.origin, as: as.origin, latchkey: `http://127.0.0.1:${ports.latchkey}` };
  const tokens = new Map();

  const world = {
    folder, idp, as, notes, files, gateway, origin: sites.latchkey, machineSecret: parts.idpSecret, notesSecret: parts.notesSecret,
    visitor: (person) => openVisitor({ browser, person, sites, folder }),

    /** A token of `person` for the gateway, got by `client`. One for each pair is enough. */
    async token(person, client) {
      const key = `${person} ${client}`;
      if (!tokens.has(key)) tokens.set(key, await personToken(idp, { person, client, resource: gateway }));
      return tokens.get(key);
    },

    /** The answer to a tool call of `person`, by a client that understands nothing but text. */
    async plainCall(person, tool, args) {
      return (await call({ endpoint: gateway, token: await world.token(person, 'agent-plain') }, tool, args)).body;
    },

    /** The link that `person` is asked to open in order to connect `target`. */
    async link(person, target) {
      return linkIn(await world.plainCall(person, `${target}___whoami`), target);
    },

    stop: () => latchkey.stop(),
    async start() { latchkey = await start(); },

    async close() {
      await browser.close();
      await latchkey.stop();
      await parts.close();
    },
  };
  return world;
}

/** The parts around Latchkey. */
export async function startParts(folder) {
  const ports = await freePorts(['latchkey', 'idp', 'as', 'notes', 'files']);
  const origin = `http://127.0.0.1:${ports.latchkey}`;
  const gateway = `${origin}/mcp`;
  const secret = () => randomBytes(24).toString('base64url');
  const idpSecret = secret();
  // These characters go through Basic authentication unharmed only if they are form-urlencoded first.
  const notesSecret = `${secret()}:+%/ ${secret()}`;
  for (const value of [idpSecret, notesSecret]) remember('client_secret', value);

  const idp = await startIdentityProvider({
    port: ports.idp, gateway, redirectUri: `${origin}/login/callback`, clientSecret: idpSecret, log: logFile(`${folder}/identity-provider.log`),
  });
  const as = await startAuthorizationServer({
    port: ports.as,
    resources: ['notes', 'files'].map((name) => `http://127.0.0.1:${ports[name]}/mcp`),
    clients: [
      { client_id: 'latchkey-notes', client_secret: notesSecret, redirect_uris: [`${origin}/callback/notes`], token_endpoint_auth_method: 'client_secret_basic' },
      { client_id: 'latchkey-files', redirect_uris: [`${origin}/callback/files`], token_endpoint_auth_method: 'none' },
      // Somebody who goes to the MCP servers directly, past the gateway.
      { client_id: 'direct', redirect_uris: ['http://127.0.0.1/agent'], token_endpoint_auth_method: 'none', application_type: 'native' },
    ],
    log: logFile(`${folder}/authorization-server.log`),
  });
  const mcpServer = (name) => startMcpServer({ name, port: ports[name], issuer: as.issuer, log: logFile(`${folder}/mcp-server-${name}.log`) });
  const [notes, files] = [await mcpServer('notes'), await mcpServer('files')];
  return { ports, gateway, idpSecret, notesSecret, idp, as, notes, files, close: () => Promise.all([idp, as, notes, files].map((part) => part.close())) };
}

async function writeConfig(folder, { ports, gateway, idpSecret, notesSecret, idp, as, notes, files }, settings) {
  fs.mkdirSync(`${folder}/config`);
  for (const server of [notes, files]) fs.writeFileSync(`${folder}/config/${server.name}-tools.json`, JSON.stringify(await server.tools(), null, 2));
  // JSON strings are TOML basic strings.
  const toml = (table) => Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join('\n');
  const metadata = await (await fetch(`${as.origin}/.well-known/openid-configuration`)).json();
  const target = (server, title, client) => `
[[target]]
${toml({ name: server.name, title, endpoint: server.resource, resource: server.resource, scopes: ['mcp:read', 'offline_access'], tools: `${server.name}-tools.json` })}
[target.authorization_server]
${toml({
    issuer: as.issuer,
    authorization_endpoint: metadata.authorization_endpoint,
    token_endpoint: metadata.token_endpoint,
    revocation_endpoint: metadata.revocation_endpoint,
    authorization_response_iss_parameter_supported: metadata.authorization_response_iss_parameter_supported,
  })}
[target.client]
${toml(client)}
`;
  fs.writeFileSync(`${folder}/config/latchkey.toml`, `
${toml({ listen: `127.0.0.1:${ports.latchkey}`, data: `${folder}/data`, ...settings })}

[identity_provider]
${toml({
    issuer: idp.issuer,
    client_id: 'latchkey-browser',
    client_secret: idpSecret,
    audiences: [gateway],
    clients: [],
    subject_claims: ['sub'],
    url_elicitation_clients: ['agent-2025'],
  })}
${target(notes, 'Notes', { client_id: 'latchkey-notes', client_secret: notesSecret, token_endpoint_auth_method: 'client_secret_basic' })}
${target(files, 'Files', { client_id: 'latchkey-files', token_endpoint_auth_method: 'none' })}
`);
}

/** The first link to the page where `target` is connected, in an answer of any shape. */
export function linkIn(answer, target) {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  const link = new RegExp(`https?://(?:127\\.0\\.0\\.1|localhost):\\d+/authorize/${target}\\?ticket=[\\w.~%-]+`).exec(text)?.[0];
  if (!link) throw new Error(`no link to connect ${target} in: ${text}`);
  return link;
}

export async function freePorts(names) {
  const servers = await Promise.all(names.map(() => new Promise((resolve) => { const server = net.createServer().listen(0, '127.0.0.1', () => resolve(server)); })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return Object.fromEntries(names.map((name, index) => [name, ports[index]]));
}
