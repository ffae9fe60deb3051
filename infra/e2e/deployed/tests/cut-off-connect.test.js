// An operator's command that is stopped between any two requests leaves nothing that the next one cannot go on from.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crashEverywhere } from '../crash.js';
import { startDeployment } from '../world.js';

let world;
before(async () => { world = await startDeployment(import.meta.url); });
after(() => world?.close());

const connect = () => ['connect', world.notes.resource, '--name', 'notes', '--title', 'Notes', '--json'];

test('an operator who is stopped anywhere while connecting a server connects it with the same words', async (t) => {
  let running;
  const stops = await crashEverywhere(world.account, 'operator', {
    async prepare() {
      const { code } = await world.operate(['targets', 'remove', 'notes', '--json']);
      assert.ok([0, 2].includes(code), `removal: ${code}`);
    },
    act() {
      running = world.operating(connect());
      return running.done;
    },
    kill: () => running.kill(),
    async check(place) {
      const { code, json, stderr } = await world.operate(connect());
      assert.equal(code, 0, `${place}: ${stderr}`);
      assert.ok(['connected', 'unchanged', 'updated'].includes(json.outcome), place);
      const { client } = await world.record('notes');
      assert.equal(client.client_id, world.as.registered.at(-1), place);
      const named = [client.client_secret, client.management].filter(Boolean).sort();
      // What else lies there might be another operator's who is at work, so it is told of, and cleared away when it is old.
      const left = (await world.secrets()).filter((name) => !named.includes(name));
      for (const name of left) assert.ok(json.notes.some((note) => note.includes(name)), `${place}: ${name}`);
      await world.account.ago(3600);
      assert.equal((await world.operate(connect())).json.outcome, 'unchanged', place);
      await world.account.ago(0);
      assert.deepEqual((await world.secrets()).sort(), named, place);
    },
  });
  t.diagnostic(`stopped ${stops} times`);
  assert.ok(stops > 8, `${stops} stops`);
});

