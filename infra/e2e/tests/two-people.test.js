// Two people and two MCP servers at the same time: each reaches their own and nothing else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startWorld } from '../world.js';

let world;
before(async () => { world = await startWorld(import.meta.url); });
after(() => world?.close());

const pairs = ['alice', 'bob'].flatMap((person) => ['notes', 'files'].map((target) => ({ person, target })));
const textOf = (body) => body.result.content.map(({ text }) => text).join('\n');

test('Alice and Bob connect Notes and Files at the same time, and each sees only their own', async () => {
  const visitors = { alice: await world.visitor('alice'), bob: await world.visitor('bob') };
  await Promise.all(['alice', 'bob'].map(async (person) => {
    for (const target of person === 'alice' ? ['notes', 'files'] : ['files', 'notes']) {
      await visitors[person].connect(await world.link(person, target));
    }
  }));

  const calls = [];
  for (let round = 0; round < 5; round += 1) {
    for (const { person, target } of pairs) {
      calls.push(world.plainCall(person, `${target}___add`, { text: `${person} ${target} ${round}` }).then((body) => assert.equal(textOf(body), 'kept')));
      calls.push(world.plainCall(person, `${target}___whoami`).then((body) => assert.equal(textOf(body), `${target} knows you as cloud-${person}`)));
    }
  }
  await Promise.all(calls);

  for (const { person, target } of pairs) {
    const notes = JSON.parse(textOf(await world.plainCall(person, `${target}___list`)));
    assert.deepEqual(notes.sort(), [0, 1, 2, 3, 4].map((round) => `${person} ${target} ${round}`));
  }
  for (const server of [world.notes, world.files]) {
    assert.deepEqual(new Set(server.accepted.map(({ claims }) => claims.aud)), new Set([server.resource]));
    assert.deepEqual(server.refused, []);
  }
  for (const visitor of Object.values(visitors)) await visitor.close();
});
