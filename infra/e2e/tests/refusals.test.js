// What the browser pages refuse. The authorization server holds each answer back, so that it can be delivered in every wrong way.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startWorld } from '../world.js';

let world, alice, bob;
before(async () => { world = await startWorld(import.meta.url); });
after(() => world?.close());
beforeEach(async () => {
  world.as.tokenRequests.length = 0;
  alice = await world.visitor('alice');
  bob = await world.visitor('bob');
});
afterEach(async () => {
  world.as.redirect = (url) => url;
  await alice.close();
  await bob.close();
});

/** Goes as far as the authorization server's answer, which is kept back: answers its URL. */
async function heldAnswer(visitor, target) {
  let held;
  world.as.redirect = (url) => { held = url; return null; };
  await visitor.open(await world.link(visitor.person, target));
  const screens = await visitor.goOn();
  assert.equal(screens.at(-1), 'authorization server: nothing to click', screens.join(' > '));
  assert.ok(held.searchParams.get('code'));
  assert.equal(held.searchParams.get('iss'), world.as.issuer);
  world.as.redirect = (url) => url;
  return held;
}

const deliver = (url, cookie) => fetch(url, { redirect: 'manual', headers: cookie ? { cookie } : {} });

/** A page of the 4xx kind, which repeats nothing of what came in. */
async function assertRefused(response, ...unsaid) {
  assert.ok(response.status >= 400 && response.status < 500, `status ${response.status}`);
  const html = await response.text();
  for (const text of unsaid) assert.ok(!html.includes(text), `the page repeats ${text}`);
}

async function assertNotConnected(person, target) {
  assert.deepEqual(world.as.tokenRequests, []);
  await world.link(person, target);
}

test('E12: Alice\'s link in Bob\'s browser is refused in Bob\'s name, says nothing of Alice, and offers to switch', async () => {
  const link = await world.link('alice', 'notes');
  await bob.open(link);
  const screens = await bob.goOn({ until: 'latchkey: wrong person' });
  assert.equal(screens.at(-1), 'latchkey: wrong person', screens.join(' > '));
  assert.equal(bob.status(), 403);
  assert.match(await bob.text(), /bob/i);
  assert.doesNotMatch(await bob.page.content(), /alice/i);
  await assertNotConnected('alice', 'notes');
  await assertNotConnected('bob', 'notes');
});

test('E12: after switching, the browser is signed in as Alice and may connect for her', async () => {
  const link = await world.link('alice', 'files');
  await bob.open(link);
  await bob.goOn({ until: 'latchkey: wrong person' });
  // The same browser, another person at the keys.
  await bob.press('switch');
  const screens = await bob.goOn({ as: 'alice', until: 'latchkey: consent' });
  assert.equal(screens.at(-1), 'latchkey: consent', screens.join(' > '));
  assert.match(await bob.text(), /alice/i);
  assert.doesNotMatch(await bob.text(), /bob/i);
  await bob.goOn({ as: 'alice' });
  assert.match(JSON.stringify(await world.plainCall('alice', 'files___whoami')), /files knows you as cloud-alice/);
  await assert.doesNotReject(world.link('bob', 'files'));
});

test('"Not now" on the consent page goes nowhere and leaves no request behind', async () => {
  await alice.open(await world.link('alice', 'notes'));
  const screens = await alice.goOn({ at: { 'latchkey: consent': 'decline' } });
  assert.match(screens.at(-1), /^latchkey: /);
  assert.notEqual(screens.at(-1), 'latchkey: connected');
  await assertNotConnected('alice', 'notes');
});

test('A8: a callback without the browser\'s cookie', async () => {
  const answer = await heldAnswer(alice, 'notes');
  await assertRefused(await deliver(answer), answer.searchParams.get('code'), answer.searchParams.get('state'));
  await assertNotConnected('alice', 'notes');
});

test('A8: a callback with the cookie of another flow', async () => {
  const answer = await heldAnswer(alice, 'notes');
  await heldAnswer(bob, 'notes');
  await assertRefused(await deliver(answer, await bob.cookieHeader(answer)), answer.searchParams.get('code'));
  await assertNotConnected('alice', 'notes');
  await assertNotConnected('bob', 'notes');
});

test('A8: a callback in another browser of the same person, which has a flow of its own', async () => {
  const answer = await heldAnswer(alice, 'notes');
  const elsewhere = await world.visitor('alice');
  await heldAnswer(elsewhere, 'notes');
  await assertRefused(await deliver(answer, await elsewhere.cookieHeader(answer)), answer.searchParams.get('code'));
  await assertNotConnected('alice', 'notes');
  await elsewhere.close();
});

test('A9: a callback in the same browser, where somebody else has signed in meanwhile', async () => {
  const answer = await heldAnswer(alice, 'notes');
  const own = await alice.cookieHeader(answer);
  await alice.open(await world.link('bob', 'notes'));
  await alice.press('switch');
  await alice.goOn({ as: 'bob', until: 'latchkey: consent' });
  // Whatever the switch removed is put back: only the person is another one.
  const [before, now] = [own, await alice.cookieHeader(answer)].map((header) => new Map(header.split('; ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair])));
  await assertRefused(await deliver(answer, [...new Map([...before, ...now]).values()].join('; ')), answer.searchParams.get('code'));
  await assertNotConnected('alice', 'notes');
  await assertNotConnected('bob', 'notes');
});

test('A8: a callback with a state that nobody was given', async () => {
  const answer = await heldAnswer(alice, 'notes');
  const state = answer.searchParams.get('state');
  answer.searchParams.set('state', `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`);
  await assertRefused(await deliver(answer, await alice.cookieHeader(answer)));
  answer.searchParams.delete('state');
  await assertRefused(await deliver(answer, await alice.cookieHeader(answer)));
  await assertNotConnected('alice', 'notes');
});

test('A8: an answer for Notes delivered at the callback of Files', async () => {
  const answer = await heldAnswer(alice, 'notes');
  answer.pathname = '/callback/files';
  await assertRefused(await deliver(answer, await alice.cookieHeader(answer)), answer.searchParams.get('code'));
  await assertNotConnected('alice', 'notes');
});

test('A7: an answer with a wrong iss', async () => {
  for (const iss of ['http://localhost:1', `${world.as.issuer}/`]) {
    const answer = await heldAnswer(alice, 'notes');
    answer.searchParams.set('iss', iss);
    await assertRefused(await deliver(answer, await alice.cookieHeader(answer)), answer.searchParams.get('code'));
    await assertNotConnected('alice', 'notes');
  }
});

test('A7: an answer without iss from a server that promised one', async () => {
  world.as.redirect = (url) => { url.searchParams.delete('iss'); return url; };
  await alice.open(await world.link('alice', 'notes'));
  const screens = await alice.goOn();
  assert.equal(screens.at(-1), 'latchkey: message', screens.join(' > '));
  assert.ok(alice.status() >= 400 && alice.status() < 500);
  await assertNotConnected('alice', 'notes');
});

test('A7: an error with a wrong iss is not shown', async () => {
  world.as.redirect = (url) => { url.searchParams.set('iss', 'http://localhost:1'); return url; };
  await alice.open(await world.link('alice', 'notes'));
  const screens = await alice.goOn({ at: { 'authorization server: consent': 'deny' } });
  assert.equal(screens.at(-1), 'latchkey: message', screens.join(' > '));
  assert.doesNotMatch(await alice.page.content(), /access_denied|said no/);
  await assertNotConnected('alice', 'notes');
});

test('A12: the person denies at the authorization server and gets a page that says so, without its markup', async () => {
  await alice.open(await world.link('alice', 'notes'));
  const screens = await alice.goOn({ at: { 'authorization server: consent': 'deny' } });
  assert.equal(screens.at(-1), 'latchkey: message', screens.join(' > '));
  assert.equal(await alice.page.locator('b', { hasText: 'said no' }).count(), 0);
  assert.doesNotMatch(alice.page.url(), /error_description/);
  await assertNotConnected('alice', 'notes');
});

test('A8: once spent, a state stays spent, also for the browser that it belongs to', async () => {
  const answer = await heldAnswer(alice, 'notes');
  await assertRefused(await deliver(answer));
  await assertRefused(await deliver(answer, await alice.cookieHeader(answer)));
  await assertNotConnected('alice', 'notes');
});

test('W3: every cookie of Latchkey is a __Host- cookie, for HTTP only, SameSite=Lax', async () => {
  await heldAnswer(alice, 'notes');
  const cookies = (await alice.context.cookies()).filter(({ domain, name }) => domain === '127.0.0.1' && !name.startsWith('example-identity'));
  assert.ok(cookies.length > 0);
  for (const { name, secure, httpOnly, sameSite } of cookies) {
    assert.match(name, /^__Host-/);
    assert.deepEqual({ secure, httpOnly, sameSite }, { secure: true, httpOnly: true, sameSite: 'Lax' }, name);
  }
});

test('A11: an answer delivered twice is taken once', async () => {
  const answer = await heldAnswer(alice, 'notes');
  const cookie = await alice.cookieHeader(answer);
  assert.equal((await deliver(answer, cookie)).status, 303);
  await assertRefused(await deliver(answer, cookie), answer.searchParams.get('code'));
  assert.deepEqual(world.as.tokenRequests.map(({ outcome }) => outcome), ['success']);
});

test('A8: an answer delivered many times at once leads to exactly one token request', async () => {
  const answer = await heldAnswer(bob, 'notes');
  const cookie = await bob.cookieHeader(answer);
  const responses = await Promise.all(Array.from({ length: 8 }, () => deliver(answer, cookie)));
  assert.deepEqual(responses.map(({ status }) => status).filter((status) => status === 303), [303]);
  assert.deepEqual(world.as.tokenRequests.map(({ outcome }) => outcome), ['success']);
  assert.match(JSON.stringify(await world.plainCall('bob', 'notes___whoami')), /notes knows you as cloud-bob/);
});

test('W1, W2, W4: every page forbids framing, caching and referrers, and no address bar keeps a code', async () => {
  await bob.connect(await world.link('bob', 'files'));
  assert.equal(new URL(bob.page.url()).search, '');
  assert.equal(new URL(bob.page.url()).pathname, '/connected/files');
  assert.ok(bob.answers.length >= 4);
  for (const { method, path, status, headers } of bob.answers) {
    const where = `${method} ${path} ${status}`;
    assert.notEqual(status, 307, where);
    assert.match(headers['cache-control'] ?? '', /no-store/, where);
    // Pages with a form keep their own origin informed: its handler compares `Origin`, which is `null` without.
    assert.match(headers['referrer-policy'] ?? '', /^(no-referrer|same-origin)$/, where);
    assert.equal(headers['x-content-type-options'], 'nosniff', where);
    if (status !== 200) continue;
    assert.match(headers['content-security-policy'] ?? '', /default-src 'none'/, where);
    assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'none'/, where);
  }
});
