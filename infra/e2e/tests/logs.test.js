// Runs last: looks for everything secret that the run issued or sent, in everything that the run wrote.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { artifacts } from '../artifacts.js';
import { filesBelow, findings, secrets as all } from '../search.js';

const stories = fs.readdirSync(import.meta.dirname).map((file) => path.basename(file, '.test.js')).filter((name) => name !== 'logs');
const secrets = all();

test('the run left secrets of every kind, and a log of every process of every story', () => {
  const kinds = new Set(secrets.map(({ kind }) => kind));
  for (const kind of ['access_token', 'refresh_token', 'id_token', 'code', 'code_verifier', 'state', 'client_secret', 'authorization header', 'cookie']) {
    assert.ok(kinds.has(kind), `no ${kind} was seen`);
  }
  const usual = ['identity-provider', 'authorization-server', 'mcp-server-notes', 'mcp-server-files'];
  const parts = (story) => (story === 'connect' ? ['identity-provider', 'operator', ...['ledger', 'archive'].flatMap((name) => [`authorization-server-${name}`, `mcp-server-${name}`])] : usual);
  for (const story of stories) {
    // The demo's servers are in Latchkey's own process; the parts' story has no Latchkey.
    const logs = [...(story === 'demo' ? [] : parts(story)), ...(story === 'parts' ? [] : ['latchkey'])];
    for (const log of logs) assert.ok(fs.statSync(path.join(artifacts, story, `${log}.log`)).size > 0, `${story}/${log}.log is empty`);
  }
});

test('the search finds what is planted, in every form', () => {
  const folder = fs.mkdtempSync(path.join(artifacts, 'planted-'));
  try {
    const [token, clientSecret] = ['access_token', 'client_secret'].map((kind) => secrets.findLast((secret) => secret.kind === kind));
    fs.writeFileSync(path.join(folder, 'as-it-is.log'), `{"message":"refreshed","token":"${token.value}"}`);
    fs.writeFileSync(path.join(folder, 'in-a-form.log'), `client_secret=${encodeURIComponent(clientSecret.value)}&grant_type=refresh_token`);
    fs.writeFileSync(path.join(folder, 'clean.log'), '{"message":"nothing here"}');
    assert.deepEqual(findings(filesBelow(folder)).map((finding) => path.basename(finding)).sort(), ['as-it-is.log', 'in-a-form.log']);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('T10: no log or report holds a token, a code, a verifier, a state, a client secret or a cookie', () => {
  assert.deepEqual(findings(filesBelow(artifacts)), []);
});

test('T10: no token, code, verifier or cookie lies in the clear in what Latchkey stores', () => {
  const data = { demo: ['newcomer/.latchkey'], parts: [], connect: ['data', 'public/data'] };
  const stored = stories.flatMap((story) => (data[story] ?? ['data']).flatMap((folder) => filesBelow(path.join(artifacts, story, folder), [])));
  assert.ok(stored.length > 0);
  // A client's own secrets may: the configuration file beside it holds such, too.
  const sealed = secrets.filter(({ kind }) => !['client_secret', 'registration_access_token', 'authorization header'].includes(kind));
  assert.deepEqual(findings(stored, sealed), []);
});
