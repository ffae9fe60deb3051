// How an agent gets a token, for the gateway as a rule: the authorization code flow with PKCE, by hand, with fetch and a cookie jar.
import { createHash, randomBytes } from 'node:crypto';
import { cookieValue, remember } from '../secrets.js';

const redirectUri = 'http://127.0.0.1/agent';

export async function personToken(provider, { person, client, resource, scope = 'invoke' }) {
  const jar = new Map();
  const visit = async (url, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } });
    for (const line of response.headers.getSetCookie()) jar.set(line.slice(0, line.indexOf('=')), cookieValue(line));
    return response;
  };

  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  let url = new URL(`${provider.origin}/auth?${new URLSearchParams({
    client_id: client,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    resource,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })}`);
  while (!url.href.startsWith(redirectUri)) {
    let response = await visit(url);
    if (response.status === 200) {
      // A page for the person: the sign-in form, then the consent form.
      const html = await response.text();
      const answer = html.includes('name="person"') ? { person } : { decision: 'allow' };
      response = await visit(url, { method: 'POST', body: new URLSearchParams(answer) });
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`the provider answered ${response.status} at ${url.pathname}`);
    url = new URL(location, url);
  }
  if (url.searchParams.get('state') !== state) throw new Error(`no code: ${url.searchParams.get('error')}`);
  return token(provider, {
    grant_type: 'authorization_code',
    client_id: client,
    code: url.searchParams.get('code'),
    redirect_uri: redirectUri,
    code_verifier: verifier,
    resource,
  });
}

/** A token of a machine: a subject of the client's own, no person behind it. */
export function machineToken(provider, { client, secret, resource }) {
  const basic = Buffer.from(`${encodeURIComponent(client)}:${encodeURIComponent(secret)}`).toString('base64');
  return token(provider, { grant_type: 'client_credentials', scope: 'invoke', resource }, { authorization: `Basic ${basic}` });
}

async function token(provider, form, headers = {}) {
  const response = await fetch(`${provider.origin}/token`, { method: 'POST', body: new URLSearchParams(form), headers });
  const answer = await response.json();
  if (!response.ok) throw new Error(`the provider refused a token: ${answer.error} ${answer.error_description}`);
  remember('access_token', answer.access_token);
  return answer.access_token;
}
