// What a newcomer does: start Latchkey without configuration, run the story, click, and see the answer.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { folderOf } from '../artifacts.js';
import { launch, openVisitor } from '../browser.js';
import { startLatchkey } from '../parts/latchkey.js';
import { linkIn } from '../world.js';

const folder = folderOf(import.meta.url);
const cwd = `${folder}/newcomer`;
const sites = { idp: 'http://127.0.0.1:8701', as: 'http://127.0.0.1:8702', latchkey: 'http://127.0.0.1:8700' };
const start = () => startLatchkey({ cwd, log: `${folder}/latchkey.log` });
let latchkey, browser;

before(async () => {
  fs.mkdirSync(cwd, { recursive: true });
  latchkey = await start();
  browser = await launch();
});
after(async () => { await browser?.close(); await latchkey?.stop(); });

/** `latchkey story` as a process: what it has said, and all it will say. */
function story(person) {
  const child = spawn(process.env.LATCHKEY, ['story', '--no-open', '--as', person], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const ended = new Promise((resolve) => { child.on('close', (code) => resolve({ code, said })); });
  const asks = async () => {
    while (!/authorize\/notes\?ticket=\S+\s/.test(said) && child.exitCode === null) await new Promise((resolve) => { setTimeout(resolve, 50); });
    return linkIn(said, 'notes');
  };
  return { asks, ended, stop: () => child.kill() };
}

/** The demo's people are buttons without a name that the other tests know: the first is Alice. */
async function click({ page, load }, link) {
  await load(() => page.goto(link));
  for (let pages = 0; !new URL(page.url()).pathname.startsWith('/connected/'); pages += 1) {
    assert.ok(pages < 8, `stuck at ${page.url()}`);
    await load(() => page.locator('button').first().click());
  }
}

test('with no configuration the story goes from "please connect" to the answer, in one call', async () => {
  const alice = story('alice');
  const visitor = await openVisitor({ browser, person: 'alice', sites, folder });
  await click(visitor, await alice.asks());
  const { code, said } = await alice.ended;
  assert.equal(code, 0, said);
  assert.match(said, /You are Alice Example \(alice\), known to http:\/\/127\.0\.0\.1:8702/);
  await visitor.close();
});

test('after a restart the same person is still connected, and nobody else is', async () => {
  assert.equal(await latchkey.stop(), 0);
  latchkey = await start();
  const { code, said } = await story('alice').ended;
  assert.equal(code, 0, said);
  assert.match(said, /the call went through at once/);
  const bob = story('bob');
  await bob.asks();
  bob.stop();
});
