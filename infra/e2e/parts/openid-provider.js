// The two OpenID providers of a run, both oidc-provider with sign-in and consent pages for people:
// the identity provider of the gateway, and the authorization server of the MCP servers.
import http from 'node:http';
import https from 'node:https';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, errors } from 'oidc-provider';
import { cookieValue, remember } from '../secrets.js';

/** Signs people in to the browser pages, and issues the JWTs that agents bring to the gateway. With `tls`, it is at `localhost`, by https. */
export function startIdentityProvider({ port, gateway, redirectUri, clientSecret, log, tls }) {
  const agent = (client_id) => ({
    client_id,
    redirect_uris: ['http://127.0.0.1/agent'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  });
  return serve({
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    port,
    log,
    tls,
    site: { name: 'Example Identity', colour: '#1f4e9c', people: { alice: 'alice', bob: 'bob' } },
    resources: {
      [gateway]: { scope: 'invoke' },
      'https://elsewhere.example/mcp': { scope: 'invoke' },
    },
    configuration: {
      // Issued an hour ago: nobody has to wait for a token to expire, and no clock tolerance hides that it did.
      formats: {
        customizers: {
          jwt(_ctx, token, { payload }) {
            if (token.clientId !== 'agent-expired') return;
            payload.iat -= 3600;
            payload.exp -= 3600;
          },
        },
      },
      scopes: ['openid', 'profile'],
      claims: { openid: ['sub'], profile: ['name'] },
      conformIdTokenClaims: false,
      clients: [
        {
          client_id: 'latchkey-browser',
          client_secret: clientSecret,
          redirect_uris: [redirectUri],
          grant_types: ['authorization_code'],
        },
        ...['agent-2026', 'agent-2025', 'agent-plain', 'agent-expired'].map(agent),
        { client_id: 'robot', client_secret: clientSecret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] },
      ],
    },
    features: { clientCredentials: { enabled: true } },
  });
}

/**
 * Issues the tokens of the MCP servers. Its people have other names than at the identity provider. `clients` are registered by hand;
 * `features` says how else one may become a client, and `fetch` how the metadata document of one is read.
 */
export function startAuthorizationServer({ port, resources, clients, log, name = 'Example Cloud', features = {}, fetch, tls }) {
  return serve({
    // Not 127.0.0.1 like the rest: to a browser this is another site, so SameSite cookies meet a real cross-site redirect.
    origin: `${tls ? 'https' : 'http'}://localhost:${port}`,
    port,
    log,
    tls,
    site: { name, colour: '#9c4a1f', people: { alice: 'cloud-alice', bob: 'cloud-bob' } },
    resources: Object.fromEntries(resources.map((resource) => [resource, { scope: 'mcp:read mcp:write' }])),
    configuration: {
      scopes: ['openid', 'offline_access', 'mcp:read', 'mcp:write'],
      clients: clients.map((client) => ({ grant_types: ['authorization_code', 'refresh_token'], ...client })),
      ...(fetch && { fetch }),
    },
    features: { revocation: { enabled: true }, ...features },
  });
}

async function serve({ origin, port, log, tls, site, resources, configuration, features }) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), kid: 'rs256', alg: 'RS256', use: 'sig' };
  const cookieNames = site.name.toLowerCase().replaceAll(' ', '-');
  const provider = new Provider(origin, {
    ...configuration,
    jwks: { keys: [signingKey] },
    pkce: { required: () => true },
    // Cookies do not distinguish ports, so each site has names of its own.
    cookies: {
      keys: ['a key of this run'],
      names: { interaction: `${cookieNames}-interaction`, resume: `${cookieNames}-resume`, session: `${cookieNames}-session` },
    },
    features: {
      ...features,
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo(_ctx, resource) {
          if (!resources[resource]) throw new errors.InvalidTarget();
          return {
            ...resources[resource],
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
    ttl: { AccessToken: (ctx) => part.lifetimes[ctx.oidc.params?.grant_type] ?? 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 86400, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 86400 },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, name: nameOf(sub) }) }),
    renderError(ctx, out) {
      log('error page', { error: out.error });
      ctx.type = 'html';
      ctx.body = page(site, 'Something went wrong', `<p>${out.error}</p>`);
    },
  });

  const part = {
    origin,
    issuer: origin,
    signingKey,
    people: site.people,
    /** How many seconds an access token is good for, by the grant it was got with, where that is not ten minutes. */
    lifetimes: {},
    /** What happened at the token endpoint, in order. */
    tokenRequests: [],
    /** The ids of clients that registered themselves, and of those that ended their registration, in order. */
    registered: [],
    ended: [],
    /** Forgets a client, as servers do. */
    forget: (client) => provider.Client.adapter.destroy(client),
    /** The refresh tokens that it issued, with the person and the client that each is for. */
    refreshTokens: [],
    /** Is told of each refresh when its request has come, and when it is granted and the answer has not left yet. */
    onRefresh: () => {},
    /** Sees every authorization response before the browser does: answers the URL to redirect to, or null to keep the browser here. */
    redirect: (url) => url,
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };

  const granted = (ctx, outcome) => {
    const { client, params } = ctx.oidc;
    part.tokenRequests.push({ client: client?.clientId, grant: params?.grant_type, resource: params?.resource, outcome });
    log('token request', part.tokenRequests.at(-1));
    for (const name of ['code', 'code_verifier', 'refresh_token', 'client_secret']) remember(name, params?.[name] ?? ctx.oidc.body?.[name]);
    for (const name of ['access_token', 'refresh_token', 'id_token']) remember(name, ctx.body?.[name]);
    remember('authorization header', ctx.headers.authorization?.split(' ')[1]);
    if (ctx.body?.refresh_token) part.refreshTokens.push({ person: ctx.oidc.account?.accountId, client: client.clientId, token: ctx.body.refresh_token });
  };
  provider.on('registration_create.success', (ctx, { clientId }) => {
    for (const name of ['client_secret', 'registration_access_token']) remember(name, ctx.body?.[name]);
    part.registered.push(clientId);
    log('registered', { client: clientId });
  });
  provider.on('registration_delete.success', (_ctx, { clientId }) => {
    part.ended.push(clientId);
    log('registration ended', { client: clientId });
  });
  provider.on('grant.success', (ctx) => {
    granted(ctx, 'success');
    if (ctx.oidc.params.grant_type === 'refresh_token') part.onRefresh('granted');
  });
  provider.on('grant.error', (ctx, error) => granted(ctx, error.error));
  provider.on('authorization.success', (ctx, answer) => {
    remember('code', answer.code);
    remember('state', answer.state);
    log('authorization success', { client: ctx.oidc.client.clientId });
  });
  provider.on('authorization.error', (ctx, error) => log('authorization error', { client: ctx.oidc.client?.clientId, error: error.error, detail: error.error_detail }));
  provider.on('server_error', (_ctx, error) => log('server error', { error: error.stack }));

  provider.use(async (ctx, next) => {
    if (ctx.path === '/token' && ctx.method === 'POST') {
      // The body is read once: the library takes it from here.
      ctx.req.body = Object.fromEntries(new URLSearchParams(Buffer.concat(await Array.fromAsync(ctx.req)).toString()));
      // Whoever is gone by now is not granted anything.
      if (ctx.req.body.grant_type === 'refresh_token' && part.onRefresh('asked') === 'gone') return ctx.req.destroy();
    }
    return next();
  });
  const callback = provider.callback();
  const onRequest = async (req, res) => {
    watchRedirects(res, part);
    try {
      if (req.url.startsWith('/interaction/')) await interact(req, res);
      else await callback(req, res);
    } catch (error) {
      log('interaction failed', { error: error.stack });
      if (!res.headersSent) res.writeHead(500).end(page(site, 'Something went wrong', ''));
    }
  };
  const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest);

  async function interact(req, res) {
    const { prompt, params, session, grantId, uid } = await provider.interactionDetails(req, res);
    const client = params.client_id;
    if (req.method === 'GET') {
      const button = (name, value, text) => `<button name="${name}" value="${value}">${text}</button>`;
      const body = prompt.name === 'login'
        ? [`Sign in to ${site.name}`, Object.keys(site.people).map((person) => button('person', person, `Sign in as ${nameOf(person)}`)).join(' ')]
        : [`Allow ${client}?`, `${button('decision', 'allow', 'Allow')} ${button('decision', 'deny', 'Deny')}`];
      res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      return res.end(page(site, body[0], `<form method="post" action="/interaction/${uid}">${body[1]}</form>`));
    }
    const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(req)).toString());
    if (form.get('decision') === 'deny') {
      // Markup is legal in an error description, and whoever shows it has to escape it.
      const refusal = { error: 'access_denied', error_description: 'The person <b>said no</b>' };
      return provider.interactionFinished(req, res, refusal, { mergeWithLastSubmission: false });
    }
    if (prompt.name === 'login') {
      return provider.interactionFinished(req, res, { login: { accountId: site.people[form.get('person')] } }, { mergeWithLastSubmission: false });
    }
    const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: client });
    if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
    for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
    return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  }

  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  log('listening', { origin });
  return part;
}

/** Hands each authorization response to `part.redirect` on its way out, and each cookie to the list of secrets. */
function watchRedirects(res, part) {
  const setHeader = res.setHeader.bind(res);
  res.setHeader = (name, value) => {
    if (/^set-cookie$/i.test(name)) for (const cookie of [value].flat()) remember('cookie', cookieValue(cookie));
    if (!/^location$/i.test(name)) return setHeader(name, value);
    const url = URL.canParse(value) ? new URL(value) : null;
    if (!url || url.origin === part.origin || !url.searchParams.has('state')) return setHeader(name, value);
    const next = part.redirect(url);
    // A redirect without a location leaves the browser where it is.
    return next ? setHeader(name, next.href) : res;
  };
}

const nameOf = (person) => person.replace(/(^|-)./g, (letter) => letter.replace('-', ' ').toUpperCase());

const page = (site, title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title} - ${site.name}</title>
<style>body{font-family:sans-serif;margin:3rem;border-top:1rem solid ${site.colour};padding-top:1rem}</style></head>
<body data-site="${site.name}"><h1>${title}</h1>${body}</body></html>`;
