// What a 2026-07-28 client lives through when the person says no, or is slow: never more than one prompt for a call.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { modernClient } from '../clients/modern.js';
import { startWorld } from '../world.js';

let world;
before(async () => { world = await startWorld(import.meta.url); });
after(() => world?.close());

const textOf = (result) => result.content.map(({ text }) => text).join('\n');

for (const answer of ['decline', 'cancel']) {
  test(`E8: ${answer} is final, without a second prompt and without a link`, async () => {
    let prompts = 0;
    const client = await modernClient({
      endpoint: world.gateway,
      token: await world.token('alice', 'agent-2026'),
      onUrl: () => { prompts += 1; return answer; },
    });
    const result = await client.callTool({ name: 'notes___whoami', arguments: {} });
    assert.equal(result.isError, true);
    assert.doesNotMatch(textOf(result), /\/authorize\//);
    assert.equal(prompts, 1);
    assert.deepEqual(world.notes.accepted, []);
    await client.close();
  });
}

test('E7: an accept that comes before the person is done is waited for, with one prompt', async () => {
  const alice = await world.visitor('alice');
  let prompts = 0;
  let walk;
  const client = await modernClient({
    endpoint: world.gateway,
    token: await world.token('alice', 'agent-2026'),
    onUrl: (params) => {
      prompts += 1;
      walk = new Promise((resolve) => { setTimeout(resolve, 4000); }).then(() => alice.connect(params.url));
      return 'accept';
    },
  });
  const result = await client.callTool({ name: 'notes___add', arguments: { text: 'patience' } });
  assert.equal(textOf(result), 'kept');
  assert.equal(prompts, 1);
  await walk;
  assert.equal(textOf(await client.callTool({ name: 'notes___list', arguments: {} })), '["patience"]');
  await client.close();
  await alice.close();
});
