// A catalog that is stopped between any two requests leaves nothing that the next look cannot go on from.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crashEverywhere } from '../crash.js';
import { startDeployment } from '../world.js';

let world;
before(async () => {
  world = await startDeployment(import.meta.url);
  assert.equal((await world.operate(['connect', world.notes.resource, '--name', 'notes', '--title', 'Notes'])).code, 0);
  const alice = await world.visitor('alice');
  await alice.connect(`${world.origin}/authorize/notes`);
  await world.account.polls(1);
  await world.settle('Catalog');
});
after(() => world?.close());

test('a catalog that is stopped anywhere while making a target makes one, with the right tools', async (t) => {
  const { steward } = await world.catalog('notes');
  const stops = await crashEverywhere(world.account, 'Catalog', {
    async prepare() {
      world.functions.get('Catalog').kill();
      for (const { id } of await world.targets()) await world.removeTarget(id);
      await world.beginCatalog('notes');
    },
    act: () => world.drain('Catalog'),
    kill: () => world.functions.get('Catalog').kill(),
    async check(place) {
      await world.timeIsUp('notes');
      await world.settle('Catalog');
      const targets = await world.targets();
      assert.deepEqual(targets.map(({ name, status }) => [name, status]), [['notes', 'READY']], place);
      assert.deepEqual(targets[0].tools, await world.served(), place);
      const kept = await world.catalog('notes');
      assert.deepEqual([kept.recipe, kept.gateway_target, kept.steward], ['static', targets[0].id, steward], place);
    },
  });
  t.diagnostic(`stopped ${stops} times`);
  assert.ok(stops > 8, `${stops} stops`);
});

test('a catalog that is stopped anywhere while changing a target changes it, and never leaves it without tools', async (t) => {
  let offered = false;
  const stops = await crashEverywhere(world.account, 'Catalog', {
    async prepare() {
      world.functions.get('Catalog').kill();
      offered = !offered;
      world.notes.offer('search', offered);
      await world.operate(['targets', 'look', 'notes', '--json']);
    },
    act: () => world.drain('Catalog'),
    async kill() {
      world.functions.get('Catalog').kill();
      const [{ tools }] = await world.targets();
      assert.ok(tools.length >= 3);
    },
    async check(place) {
      await world.timeIsUp('notes');
      await world.settle('Catalog');
      const [target, ...others] = await world.targets();
      assert.deepEqual([others, target.status], [[], 'READY'], place);
      assert.deepEqual(target.tools, await world.served(), place);
    },
  });
  t.diagnostic(`stopped ${stops} times`);
  assert.ok(stops > 8, `${stops} stops`);
});
