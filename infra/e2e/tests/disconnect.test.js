// A person takes back what they gave: here at once, and at the authorization server, which says so itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forgotten } from '../memory.js';
import { startWorld } from '../world.js';

let world, alice, bob;
before(async () => {
  world = await startWorld(import.meta.url);
  alice = await world.visitor('alice');
  bob = await world.visitor('bob');
});
after(() => world?.close());

const connections = () => `${world.origin}/connections`;
const said = (body) => body.result.content[0].text;

/** What the authorization server says to a refresh token of a person: the error, or nothing if it takes it. */
async function refreshed(target, person) {
  const { token } = world.as.refreshTokens.findLast((issued) => issued.client === `latchkey-${target}` && issued.person === `cloud-${person}`);
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, resource: world[target].resource });
  const headers = {};
  if (target === 'notes') headers.authorization = `Basic ${btoa([`latchkey-${target}`, world.notesSecret].map((part) => new URLSearchParams({ part }).toString().slice(5)).join(':'))}`;
  else form.set('client_id', `latchkey-${target}`);
  const { token_endpoint } = await (await fetch(`${world.as.origin}/.well-known/openid-configuration`)).json();
  return (await (await fetch(token_endpoint, { method: 'POST', headers, body: form })).json()).error;
}

test('the connected page leads to the list, which says what is connected and offers what is not', async () => {
  await alice.connect(await world.link('alice', 'notes'));
  await bob.connect(await world.link('bob', 'notes'));
  assert.equal(await alice.choose('link', 'your connections'), 'latchkey: connections');
  assert.match(await alice.text(), /signed in as Alice at/);
  assert.match(await alice.text(), /Connected since \d{1,2} \w+ \d{4}, \d\d:\d\d UTC/);
  assert.doesNotMatch(await alice.page.content(), /bob/i);
  assert.equal(await alice.choose('link', 'Connect Files'), 'latchkey: consent');
  assert.equal((await alice.goOn()).at(-1), 'latchkey: connected');
});

test('T11: to disconnect ends the permission at the server, and the agent is asked again', async () => {
  for (const [target, title] of [['notes', 'Notes'], ['files', 'Files']]) {
    assert.equal(said(await world.plainCall('alice', `${target}___whoami`)), `${target} knows you as cloud-alice`);
    // The other one would be spent by that: a public client's token is good once.
    if (target === 'notes') assert.equal(await refreshed(target, 'alice'), undefined, 'the refresh token is good before');
    await alice.open(connections());
    assert.equal(await alice.choose('button', `Disconnect ${title}`), 'latchkey: connections');
    assert.match(await alice.text(), new RegExp(`${title} is disconnected`));
    assert.match(await alice.text(), /localhost:\d+, confirmed that the permission is withdrawn/);
    assert.match(await alice.text(), /Disconnected by you/);
    assert.equal(new URL(alice.page.url()).search, '');
    assert.equal(await refreshed(target, 'alice'), 'invalid_grant');
    await forgotten();
    await world.link('alice', target);
  }
  const posts = alice.answers.filter(({ method, path }) => method === 'POST' && path.endsWith('/disconnect'));
  assert.deepEqual(posts.map(({ status }) => status), [303, 303]);
});

test('another person stays connected, here and there', async () => {
  assert.equal(said(await world.plainCall('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
  assert.equal(await refreshed('notes', 'bob'), undefined);
  await bob.open(connections());
  assert.doesNotMatch(await bob.text(), /is disconnected|Disconnected by you/);
  assert.equal(await bob.page.getByRole('button', { name: 'Disconnect Notes', exact: true }).count(), 1);
});

test('who disconnected may connect again', async () => {
  await alice.open(connections());
  assert.equal(await alice.choose('link', 'Connect Notes'), 'latchkey: consent');
  assert.equal((await alice.goOn()).at(-1), 'latchkey: connected');
  assert.equal(said(await world.plainCall('alice', 'notes___whoami')), 'notes knows you as cloud-alice');
  await alice.open(connections());
  assert.doesNotMatch(await alice.text(), /Notes is disconnected/);
});

test('W6: a browser that is not signed in signs in, and comes back to the list', async () => {
  const fresh = await world.visitor('bob');
  await fresh.open(connections());
  const screens = await fresh.goOn({ until: 'latchkey: connections' });
  assert.equal(screens.at(-1), 'latchkey: connections', screens.join(' > '));
  assert.match(await fresh.text(), /signed in as Bob at/);
  await fresh.close();
});

test('E13: a form on another site disconnects nobody', async () => {
  await bob.open(connections());
  const csrf = await bob.page.locator('input[name=csrf]').first().inputValue();
  // Another origin, with the person's own cookies and even the form's own proof.
  const cookie = await bob.cookieHeader(new URL(connections()));
  for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
    const answer = await fetch(`${connections()}/notes/disconnect`, { method: 'POST', redirect: 'manual', headers: { cookie, ...headers }, body: new URLSearchParams({ csrf }) });
    assert.equal(answer.status, 403);
  }
  assert.equal(said(await world.plainCall('bob', 'notes___whoami')), 'notes knows you as cloud-bob');
});

test('T11: a server that is gone is told of nothing, and the person of that', async () => {
  await world.as.close();
  await bob.open(connections());
  await bob.choose('button', 'Disconnect Notes');
  assert.match(await bob.text(), /did not confirm that the permission is withdrawn\. To be sure, remove Latchkey there yourself/);
  await forgotten();
  await world.link('bob', 'notes');
});
