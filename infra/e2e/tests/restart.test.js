// A restart of the process forgets nothing that a person agreed to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startWorld } from '../world.js';

let world;
before(async () => { world = await startWorld(import.meta.url); });
after(() => world?.close());

test('a connection outlives SIGTERM and a new start', async () => {
  const alice = await world.visitor('alice');
  await alice.connect(await world.link('alice', 'notes'));
  const whoami = async () => (await world.plainCall('alice', 'notes___whoami')).result.content[0].text;
  assert.equal(await whoami(), 'notes knows you as cloud-alice');

  assert.equal(await world.stop(), 0);
  await assert.rejects(whoami());
  await world.start();

  assert.equal(await whoami(), 'notes knows you as cloud-alice');
  assert.equal(world.as.tokenRequests.length, 1);
  await alice.close();
});

test('a link that was handed out before the restart still leads to the connected page', async () => {
  const link = await world.link('bob', 'files');
  assert.equal(await world.stop(), 0);
  await world.start();
  const bob = await world.visitor('bob');
  await bob.connect(link);
  await bob.close();
});
