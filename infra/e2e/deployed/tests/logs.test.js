// Runs last: looks for everything secret that the run issued or sent, in everything that the functions and the account wrote.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { artifacts } from '../../artifacts.js';
import { filesBelow, findings, secrets } from '../../search.js';

const stories = fs.readdirSync(import.meta.dirname).map((file) => path.basename(file, '.test.js')).filter((name) => name !== 'logs');

test('every function wrote a log, and the run left secrets of every kind', () => {
  for (const name of ['authorize', 'callback', 'connections', 'interceptor', 'refresh']) {
    assert.ok(stories.some((story) => fs.statSync(path.join(artifacts, story, `${name}.log`), { throwIfNoEntry: false })?.size > 0), name);
  }
  const kinds = new Set(secrets().map(({ kind }) => kind));
  for (const kind of ['access_token', 'refresh_token', 'id_token', 'code', 'code_verifier', 'state', 'client_secret', 'authorization header', 'cookie']) {
    assert.ok(kinds.has(kind), `no ${kind} was seen`);
  }
});

test('T10: no log of a function, of the account or of a part holds a token, a code, a verifier, a state, a client secret or a cookie', () => {
  assert.deepEqual(findings(filesBelow(artifacts)), []);
});

test('T10: whatever its log level, no function says what the SDK and the runtime say of what they send and read', () => {
  const levels = (file) => fs.readFileSync(file, 'utf8').match(/^\{"level":"[A-Z]+"/gm) ?? [];
  const logs = filesBelow(artifacts).filter((file) => file.endsWith('.log')).map((file) => [path.relative(artifacts, file), levels(file)]);
  assert.ok(logs.some(([, said]) => said.includes('{"level":"INFO"')));
  // Where and how many, never what: it ends up in the report.
  const lower = logs.map(([file, said]) => [file, said.filter((level) => /DEBUG|TRACE/.test(level)).length]);
  assert.deepEqual(lower.filter(([, count]) => count > 0), []);
});

test('T10: no token, code, verifier or cookie lies in the clear in a table', () => {
  const tables = stories.map((story) => path.join(artifacts, story, 'data'));
  assert.ok(tables.some((table) => fs.statSync(path.join(table, 'ConnectionsTable.json')).size > 100));
  const sealed = secrets().filter(({ kind }) => !['client_secret', 'registration_access_token', 'authorization header'].includes(kind));
  assert.deepEqual(findings(tables.flatMap((table) => filesBelow(table, [])), sealed), []);
});
