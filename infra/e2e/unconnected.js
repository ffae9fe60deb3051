// `latchkey local` before any MCP server is connected, protected MCP servers with an authorization server each, and an operator who connects them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { logFile } from './artifacts.js';
import { launch, openVisitor } from './browser.js';
import { call, post } from './clients/plain.js';
import { personToken } from './clients/token.js';
import { operate, startLatchkey } from './parts/latchkey.js';
import { startMcpServer } from './parts/mcp-server.js';
import { startAuthorizationServer, startIdentityProvider } from './parts/openid-provider.js';
import { startTlsFront } from './parts/tls-front.js';
import { remember } from './secrets.js';
import { freePorts, linkIn } from './world.js';

/**
 * `servers` maps a name to how one becomes a client of its authorization server: `features` of oidc-provider, and `clients(redirectUri)`
 * that are registered by hand. With `public`, browsers and authorization servers reach Latchkey by https.
 */
export async function startUnconnected(folder, { servers, public: isPublic = false }) {
  fs.mkdirSync(folder, { recursive: true });
  const names = Object.keys(servers);
  const ports = await freePorts(['latchkey', 'idp', 'front', ...names, ...names.map((name) => `as-${name}`)]);
  const endpoint = `http://127.0.0.1:${ports.latchkey}/mcp`;
  const started = [];
  const keep = (part) => { started.push(part); return part; };
  const closeAll = async () => { for (const part of started.reverse()) await (part.close ? part.close() : part.stop()); };
  const log = `${folder}/operator.log`;
  const data = `${folder}/data`;

  try {
    const front = isPublic ? keep(await startTlsFront({ port: ports.front, to: ports.latchkey, log: logFile(`${folder}/tls-front.log`) })) : null;
    const origin = front?.origin ?? `http://127.0.0.1:${ports.latchkey}`;
    const gateway = `${origin}/mcp`;
    const clientSecret = randomBytes(24).toString('base64url');
    remember('client_secret', clientSecret);
    const idp = keep(await startIdentityProvider({
      port: ports.idp, gateway, redirectUri: `${origin}/login/callback`, clientSecret, log: logFile(`${folder}/identity-provider.log`),
    }));
    const parts = {};
    for (const name of names) {
      const as = keep(await startAuthorizationServer({
        port: ports[`as-${name}`],
        name: `Cloud of ${name}`,
        resources: [`http://127.0.0.1:${ports[name]}/mcp`],
        clients: servers[name].clients?.(`${origin}/callback/${name}`) ?? [],
        features: servers[name].features,
        fetch: front?.fetch,
        log: logFile(`${folder}/authorization-server-${name}.log`),
      }));
      const mcp = keep(await startMcpServer({ name, port: ports[name], issuer: as.issuer, log: logFile(`${folder}/mcp-server-${name}.log`) }));
      parts[name] = { as, mcp, url: mcp.resource };
    }

    // JSON strings are TOML basic strings.
    const toml = (table) => Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join('\n');
    fs.mkdirSync(`${folder}/config`, { recursive: true });
    fs.writeFileSync(`${folder}/config/latchkey.toml`, `
${toml({ listen: `127.0.0.1:${ports.latchkey}`, data, ...(front && { base_url: origin }) })}

[identity_provider]
${toml({ issuer: idp.issuer, client_id: 'latchkey-browser', client_secret: clientSecret, audiences: [gateway] })}
`);
    const start = () => startLatchkey({ config: `${folder}/config/latchkey.toml`, log: `${folder}/latchkey.log` });
    let latchkey = await start();
    keep({ stop: () => latchkey.stop() });
    const browser = keep(await launch());
    const tokens = new Map();
    const token = async (person) => {
      if (!tokens.has(person)) tokens.set(person, await personToken(idp, { person, client: 'agent-plain', resource: gateway }));
      return tokens.get(person);
    };

    return {
      folder, data, origin, ...parts,
      /** What an operator types after `latchkey`. */
      operate: (args, env) => operate([...args, '--data', data], { log, env }),
      plainCall: async (person, tool, args) => (await call({ endpoint, token: await token(person) }, tool, args)).body,
      listTools: async (person) => (await post({ endpoint, token: await token(person), message: { id: 1, method: 'tools/list' } })).body.result.tools,
      /** The link that `person` is asked to open, as soon as `local` has noticed the target. */
      link(person, name) {
        return until(async () => linkIn(await this.plainCall(person, `${name}___whoami`), name));
      },
      visitor: (person, name) => openVisitor({ browser, person, sites: { idp: idp.origin, as: parts[name].as.origin, latchkey: origin }, folder }),
      async restart() {
        const code = await latchkey.stop();
        latchkey = await start();
        return code;
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Tries until it succeeds: a guard against waiting for ever, no measure of speed. */
export async function until(attempt) {
  for (const deadline = Date.now() + 60_000; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
  }
}
