// A deployment with all that it meets: the functions' own binaries under Lambda's emulator, an account that enforces the template's
// policies, the HTTP API, the gateway, and around them the real parts, at `localhost` by https with an authority of their own.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import tls from 'node:tls';
import { folderOf, logFile } from '../artifacts.js';
import { launch, openVisitor } from '../browser.js';
import { call, post } from '../clients/plain.js';
import { personToken } from '../clients/token.js';
import { selfMade } from '../parts/certificate.js';
import { begin } from '../parts/latchkey.js';
import { startMcpServer } from '../parts/mcp-server.js';
import { startAuthorizationServer, startIdentityProvider } from '../parts/openid-provider.js';
import { remember } from '../secrets.js';
import { freePorts, linkIn } from '../world.js';
import { startAccount } from './account.js';
import { drain, fire } from './event-source.js';
import { startGateway } from './gateway.js';
import { startHttpApi } from './http-api.js';
import { binaryOf, startFunction } from './lambda.js';

/** The gateway's audience, as the identity provider knows it. */
const AUDIENCE = 'https://latchkey.gateway.example/mcp';

/** The world of the test file at `url`. `parameters` are the template's, besides those that every world has. */
export async function startDeployment(url, { parameters = {} } = {}) {
  const folder = folderOf(url);
  fs.mkdirSync(`${folder}/config`);
  const { authority, ...certificate } = selfMade();
  const roots = `${folder}/config/roots.pem`;
  fs.writeFileSync(roots, authority);
  tls.setDefaultCACertificates([...tls.getCACertificates('bundled'), authority]);

  const started = [];
  const keep = (part) => { started.push(part); return part; };
  const closeAll = async () => { for (const part of started.reverse()) await part.close(); };
  try {
    const functions = new Map();
    const invoke = (name, event) => functions.get(name).invoke(event);
    const { origin } = keep(await startHttpApi({ tls: certificate, routes: () => account.routes, invoke, log: logFile(`${folder}/http-api.log`) }));
    const gateway = keep(await startGateway({
      targets: async () => Object.values(await account.gateways()).flatMap(({ targets }) => targets),
      intercept: (event) => invoke(account.interceptor, event),
      log: logFile(`${folder}/gateway.log`),
    }));
    const ports = await freePorts(['idp', 'as', 'notes']);
    const clientSecret = randomBytes(24).toString('base64url');
    remember('client_secret', clientSecret);
    const idp = keep(await startIdentityProvider({
      port: ports.idp, gateway: AUDIENCE, redirectUri: `${origin}/login/callback`, clientSecret, tls: certificate, log: logFile(`${folder}/identity-provider.log`),
    }));
    const as = keep(await startAuthorizationServer({
      port: ports.as,
      resources: [`https://localhost:${ports.notes}/mcp`],
      clients: [],
      features: { registration: { enabled: true }, registrationManagement: { enabled: true } },
      tls: certificate,
      log: logFile(`${folder}/authorization-server.log`),
    }));
    const notes = keep(await startMcpServer({ name: 'notes', port: ports.notes, issuer: as.issuer, tls: certificate, log: logFile(`${folder}/mcp-server-notes.log`) }));
    const account = keep(await startAccount({
      folder,
      parameters: {
        IdpIssuer: idp.issuer, IdpClientId: 'latchkey-browser', IdpAudiences: AUDIENCE, BaseUrl: origin, GatewayName: 'latchkey', OutboundPrivateHosts: 'localhost', ...parameters,
      },
      secrets: { IdpClientSecretArn: clientSecret },
      roots,
    }));

    keep({ close: () => keepTables(account, folder) });

    for (const [name, { binary, environment, ...limits }] of Object.entries(account.functions)) {
      const told = {
        ...environment,
        AWS_ENDPOINT_URL: account.endpoint,
        AWS_REGION: account.region,
        AWS_SECRET_ACCESS_KEY: 'none',
        // Where the layer of roots would lie is not for a test to write to.
        OUTBOUND_ROOTS: roots,
      };
      functions.set(name, keep(startFunction({ ...limits, name, binary: binaryOf(name, binary), environment: told, log: `${folder}/${binary}.log` })));
    }
    const browser = keep(await launch());
    const tokens = new Map();
    const sites = { idp: idp.origin, as: as.origin, latchkey: origin };

    const operator = { AWS_ENDPOINT_URL: account.endpoint, AWS_REGION: account.region, AWS_ACCESS_KEY_ID: account.operator, AWS_SECRET_ACCESS_KEY: 'none' };
    const item = (name) => ({ TableName: account.outputs.TargetsTable, Key: { name: { S: name } } });
    const row = async (name) => (await account.ask('dynamodb', 'DynamoDB_20120810.GetItem', { ...item(name), ConsistentRead: true })).Item;
    /** Writes one attribute of a target's row, or removes it. */
    const update = (name, attribute, value) => account.ask('dynamodb', 'DynamoDB_20120810.UpdateItem', {
      ...item(name),
      ExpressionAttributeNames: { '#attribute': attribute },
      ...(value === undefined
        ? { UpdateExpression: 'REMOVE #attribute' }
        : { UpdateExpression: 'SET #attribute = :value', ExpressionAttributeValues: { ':value': { S: JSON.stringify(value) } } }),
    });
    const typed = (args) => [[...args, '--stack', account.stack, '--roots', roots], { log: `${folder}/operator.log`, env: operator }];

    const world = {
      folder, account, as, notes, idp, origin, gateway, functions, invoke, roots,
      visitor: (person) => openVisitor({ browser, person, sites, folder }),

      /** A token of `person` for the gateway. One is enough. */
      async token(person) {
        if (!tokens.has(person)) tokens.set(person, await personToken(idp, { person, client: 'agent-plain', resource: AUDIENCE }));
        return tokens.get(person);
      },
      call: async (person, tool, args) => (await call({ endpoint: gateway.endpoint, token: await world.token(person) }, tool, args)).body,
      list: async (person) => (await post({ endpoint: gateway.endpoint, token: await world.token(person), message: { id: 1, method: 'tools/list' } })).body.result.tools.map(({ name }) => name),
      link: async (person, target) => linkIn(await world.call(person, `${target}___whoami`), target),

      /** What an operator types after `latchkey`, for this deployment. */
      operate: (args) => begin(...typed(args)).done,
      /** The same, while it runs: it can be killed. */
      operating: (args) => begin(...typed(args)),

      /** What Lambda's poller does for the queues of a function, until they are empty. */
      drain: async (name) => (await Promise.all(account.queues.filter((queue) => queue.function === name).map((queue) => drain(account, queue, invoke)))).flat(),
      fire: (name) => fire(account, name, invoke),

      /** Sees a function through what it has to do: its queue and its schedule, until no target changes any more. */
      async settle(name) {
        for (let round = 0; round < 20; round += 1) {
          const done = [...(await world.drain(name)), ...(await world.fire(name))];
          for (const { error } of done) if (error) throw new Error(`${name} failed: ${JSON.stringify(error)}`);
          const later = done.some(({ answer }) => answer?.batchItemFailures?.length > 0);
          if (!later && (await world.targets()).every(({ status }) => !status.endsWith('ING'))) return;
        }
        throw new Error(`${name} does not come to an end`);
      },

      /** The targets of the gateway, as it has them. */
      async targets() {
        const all = Object.values(await account.gateways()).flatMap(({ targets }) => targets);
        return all.map(({ tools, shown: { targetId: id, name, status, targetConfiguration: { mcp: { mcpServer } }, credentialProviderConfigurations: providers } }) => (
          { id, name, status, endpoint: mcpServer.endpoint, listing: mcpServer.listingMode, providers, tools: tools && byName(tools) }
        ));
      },
      /** The tools that the server has. Their order says nothing. */
      served: async () => byName((await notes.tools()).tools),

      /** Somebody removes a target from the gateway. */
      async removeTarget(id) {
        const path = `/gateways/${account.outputs.GatewayId}/targets/${id}/`;
        await account.control('DELETE', path);
        while ((await account.control('GET', path).catch(() => null)) !== null);
      },

      record: async (name) => JSON.parse((await row(name)).record.S),
      /** What is kept of a target beside its record. */
      async catalog(name) {
        return JSON.parse((await row(name)).catalog?.S ?? 'null');
      },
      /** The time of whoever was at a target's catalog, and was stopped, is up. */
      async timeIsUp(name) {
        const { held_until: until, ...catalog } = (await world.catalog(name)) ?? {};
        if (until !== undefined) await update(name, 'catalog', catalog);
      },
      /** Forgets what is kept of a target's catalog, and lets the one who was its steward have consented just now. */
      async beginCatalog(name) {
        const { steward: subject } = await world.catalog(name);
        await update(name, 'catalog');
        await account.ask('sqs', 'AmazonSQS.SendMessage', { QueueUrl: account.outputs.CatalogQueueUrl, MessageBody: JSON.stringify({ subject, target: name }) });
      },
      /** The names of the secrets that were made for targets. */
      async secrets() {
        const { SecretList: all } = await account.ask('secretsmanager', 'secretsmanager.ListSecrets', { MaxResults: 100 });
        return all.map(({ Name }) => Name).filter((name) => name.startsWith(account.outputs.ClientSecretPrefix));
      },
      /** Writes what `change` makes of a target's record. */
      edit: async (name, change) => update(name, 'record', change(await world.record(name))),

      /** Waits until the sweep has renewed so many connections, and answers what the queue carried. */
      async sweep(count) {
        const renewals = () => as.tokenRequests.filter(({ grant, outcome }) => grant === 'refresh_token' && outcome === 'success').length;
        const [done, before] = [[], renewals()];
        for (const deadline = Date.now() + 30_000; renewals() < before + count; ) {
          if (Date.now() > deadline) throw new Error(`${renewals() - before} of ${count} were renewed`);
          for (const { error } of await world.fire('Refresh')) if (error) throw new Error(`the sweep failed: ${JSON.stringify(error)}`);
          done.push(...(await world.drain('Refresh')));
          await new Promise((resolve) => { setTimeout(resolve, 250); });
        }
        return done;
      },
      close: closeAll,
    };
    return world;
  } catch (error) {
    await closeAll();
    throw error;
  }
}

const byName = (tools) => tools.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Leaves what is in the tables for the log search. */
async function keepTables(account, folder) {
  fs.mkdirSync(`${folder}/data`);
  for (const output of ['TargetsTable', 'PendingTable', 'ConnectionsTable']) {
    const { Items: items } = await account.ask('dynamodb', 'DynamoDB_20120810.Scan', { TableName: account.outputs[output] });
    fs.writeFileSync(`${folder}/data/${output}.json`, JSON.stringify(items, null, 2));
  }
}
