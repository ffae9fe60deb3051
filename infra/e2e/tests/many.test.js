// Many calls of one person at once, at several processes over one table, when the token has run out: of a refresh token that is good once,
// and whose second use ends every token of the grant, one of them makes use.
//
// MANY_ROUNDS and MANY_KILLS say how often; a release is tried with 50 and 12.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { call } from '../clients/plain.js';
import { startLatchkey } from '../parts/latchkey.js';
import { until } from '../unconnected.js';
import { freePorts, startWorld } from '../world.js';

const ROUNDS = Number(process.env.MANY_ROUNDS ?? 5);
const KILLS = Number(process.env.MANY_KILLS ?? 3);
const PROCESSES = 4;
const CALLS = 64;

let world, alice, token;
const processes = [];

before(async () => {
  world = await startWorld(import.meta.url);
  // What a person consents to is used up at once, so that every round begins with a token that has run out.
  world.as.lifetimes.authorization_code = 1;
  token = await world.token('alice', 'agent-plain');
  alice = await world.visitor('alice');
  const names = Array.from({ length: PROCESSES }, (_, index) => `process-${index}`);
  const ports = await freePorts(names);
  const common = fs.readFileSync(`${world.folder}/config/latchkey.toml`, 'utf8').replace(/^listen = .*$/m, '');
  for (const name of names) {
    const config = `${world.folder}/config/${name}.toml`;
    // Nobody goes on with a token of the round before.
    fs.writeFileSync(config, `listen = "127.0.0.1:${ports[name]}"\nbase_url = "${world.origin}"\ntoken_memory_seconds = 0\n${common}`);
    const start = () => startLatchkey({ config, log: `${world.folder}/${name}.log` });
    // Each says that it is ready where all of them are to be reached from outside.
    processes.push({ endpoint: `http://127.0.0.1:${ports[name]}/mcp`, start, latchkey: await start() });
  }
});
after(async () => {
  for (const { latchkey } of processes) await latchkey.stop();
  await world?.close();
});

const refreshes = (from) => world.as.tokenRequests.slice(from).filter(({ grant }) => grant === 'refresh_token').map(({ outcome }) => outcome);
const ask = async ({ endpoint }) => textOf((await call({ endpoint, token }, 'files___whoami')).body);
const textOf = (body) => (body?.result?.content ?? []).map(({ text }) => text).join('\n') || JSON.stringify(body);
const ANSWERED = 'files knows you as cloud-alice';
const TRY_AGAIN = /try again/i;

/** A connection whose access token has run out. Answers how many token requests there were by then. */
async function consent() {
  await alice.open(`${world.origin}/authorize/files`);
  const screens = await alice.goOn();
  assert.equal(screens.at(-1), 'latchkey: connected', screens.join(' > '));
  const { outcome } = world.as.tokenRequests.findLast(({ grant }) => grant === 'authorization_code');
  assert.equal(outcome, 'success');
  // Until it has run out, it is forwarded while another renews it. A store keeps whole seconds.
  await new Promise((resolve) => { setTimeout(resolve, 2_500); });
  return world.as.tokenRequests.findLastIndex(({ grant }) => grant === 'authorization_code') + 1;
}

/** Whether the authorization server still renews the newest refresh token. Spends it. */
async function familyIsAlive() {
  const { token: newest } = world.as.refreshTokens.findLast(({ client }) => client === 'latchkey-files');
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: newest, client_id: 'latchkey-files', resource: world.files.resource });
  const { token_endpoint } = await (await fetch(`${world.as.origin}/.well-known/openid-configuration`)).json();
  const answer = await (await fetch(token_endpoint, { method: 'POST', body: form })).json();
  return answer.access_token !== undefined;
}

/** Whoever waits for the lease of one that was killed is answered in the end, one way or the other. */
const answeredIn = (process) => until(async () => {
  const answer = await ask(process);
  if (TRY_AGAIN.test(answer)) throw new Error(answer);
  return answer;
});

const spread = (among) => Array.from({ length: CALLS }, (_, index) => among[index % among.length]);

test(`T5: ${CALLS} calls at ${PROCESSES} processes make one refresh, ${ROUNDS} times over`, async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = await consent();
    const answers = await Promise.all(spread(processes).map(ask));
    for (const answer of answers) assert.ok(answer === ANSWERED || TRY_AGAIN.test(answer), answer);
    assert.ok(answers.includes(ANSWERED), 'somebody was answered');
    assert.deepEqual(refreshes(from), ['success'], `round ${round}`);
    assert.equal(await ask(processes[round % PROCESSES]), ANSWERED);
    assert.ok(await familyIsAlive(), `round ${round}: the family is dead`);
  }
});

test(`T5: a process that is killed in the midst of it ends no family that is not ended by its lost answer, ${KILLS} times over`, async (context) => {
  for (let round = 0; round < KILLS; round += 1) {
    const from = await consent();
    const victim = processes[round % PROCESSES];
    const others = processes.filter((process) => process !== victim);
    const delay = Math.floor(Math.random() * 300);
    const calls = spread(processes).map((at) => ask(at).catch((error) => error));
    await new Promise((resolve) => { setTimeout(resolve, delay); });
    await victim.latchkey.kill();
    const answers = await Promise.all(calls);
    for (const [index, answer] of answers.entries()) {
      const killed = index % PROCESSES === round % PROCESSES && answer instanceof Error;
      assert.ok(killed || answer === ANSWERED || TRY_AGAIN.test(answer) || /\/authorize\/files\?ticket=/.test(answer), String(answer));
    }

    const last = await answeredIn(others[0]);
    const outcomes = refreshes(from);
    context.diagnostic(`killed after ${delay} ms: ${outcomes.join(', ') || 'nothing was asked'}; ${last === ANSWERED ? 'still connected' : 'consent is asked for'}`);
    if (last === ANSWERED) {
      assert.deepEqual(outcomes.filter((outcome) => outcome !== 'success'), [], `killed after ${delay} ms`);
      assert.ok(await familyIsAlive(), `killed after ${delay} ms: the family is dead`);
    } else {
      // The token had been spent by the one that was killed, and its answer died with it; it was asked for once more.
      assert.deepEqual(outcomes, ['success', 'invalid_grant'], `killed after ${delay} ms: ${last}`);
    }
    victim.latchkey = await victim.start();
  }
});

/** Kills the one process that refreshes, `when` the authorization server has got so far; answers what another is told then. */
async function killedWhen(when) {
  const from = await consent();
  const [victim, other] = processes;
  let killed;
  world.as.onRefresh = (event) => {
    if (event !== when || killed) return undefined;
    killed = victim.latchkey.kill();
    return 'gone';
  };
  const told = await ask(victim).catch((error) => error);
  assert.ok(told instanceof Error, String(told));
  await killed;
  const last = await answeredIn(other);
  world.as.onRefresh = () => {};
  victim.latchkey = await victim.start();
  return { last, outcomes: refreshes(from) };
}

test('T5: of a process that is killed before its refresh is granted, another takes over', async () => {
  const { last, outcomes } = await killedWhen('asked');
  assert.equal(last, ANSWERED);
  assert.deepEqual(outcomes, ['success']);
  assert.ok(await familyIsAlive());
});

test('T7: of a process that is killed with the only answer, another asks once more, and then the person', async () => {
  const { last, outcomes } = await killedWhen('granted');
  assert.match(last, /\/authorize\/files\?ticket=/);
  assert.deepEqual(outcomes, ['success', 'invalid_grant']);
});
