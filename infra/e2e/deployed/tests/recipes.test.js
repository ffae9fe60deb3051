// What the service does not take is tried otherwise, in the order of the recipes, and what it took is noted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startDeployment } from '../world.js';

let world;
before(async () => {
  world = await startDeployment(import.meta.url);
  assert.equal((await world.operate(['connect', world.notes.resource, '--name', 'notes', '--title', 'Notes'])).code, 0);
  const alice = await world.visitor('alice');
  await alice.connect(`${world.origin}/authorize/notes`);
  await world.drain('Catalog');
});
after(() => world?.close());

async function anew(order) {
  await world.settle('Catalog');
  for (const { id } of await world.targets()) await world.removeTarget(id);
  for (const one of [order].flat()) await world.account.order(one);
  await world.beginCatalog('notes');
  await world.settle('Catalog');
  const targets = await world.targets();
  return { targets, recipe: (await world.catalog('notes'))?.recipe };
}

test('where tools are not taken without a provider, the only target of a gateway lists them live', async () => {
  for (const order of [{ operation: 'static' }, { operation: 'static', reasons: ['Not supported'] }]) {
    const { targets, recipe } = await anew(order);
    assert.equal(recipe, 'dynamic');
    assert.deepEqual(targets.map(({ status, listing, providers }) => [status, listing, providers]), [['READY', 'DYNAMIC', []]]);
  }
});

test('a control plane that is throttled, or busy, is asked again', async () => {
  const { targets, recipe } = await anew([
    { operation: 'CreateGatewayTarget', error: 'ThrottlingException', times: 2 },
    { operation: 'CreateGatewayTarget', error: 'ConflictException' },
    { operation: 'ListGatewayTargets', error: 'InternalServerException' },
  ]);
  assert.deepEqual([recipe, targets.map(({ status }) => status)], ['static', ['READY']]);
});

test('a change that the service does not take leaves the target as it was, and another\'s target alone', async () => {
  const { targets: [{ id, tools }] } = await anew([]);
  // Beside another target none may list live.
  const server = { endpoint: 'https://other.example/mcp', mcpToolSchema: { inlinePayload: JSON.stringify({ tools: [] }) } };
  const path = `/gateways/${world.account.outputs.GatewayId}/targets/`;
  const other = await world.account.control('POST', path, { name: 'other', description: 'not ours', targetConfiguration: { mcp: { mcpServer: server } } });
  while ((await world.account.control('GET', `${path}${other.targetId}/`)).status !== 'READY');

  world.notes.offer('search');
  await world.account.order({ operation: 'static', reasons: ['Not today'] });
  await world.operate(['targets', 'look', 'notes', '--json']);
  await world.drain('Catalog');
  const found = (await world.targets()).find((target) => target.id === id);
  assert.deepEqual([found.status, found.listing, found.tools], ['READY', undefined, tools]);
  const { description, targetConfiguration } = await world.account.control('GET', `${path}${other.targetId}/`);
  assert.deepEqual([description, targetConfiguration], ['not ours', { mcp: { mcpServer: server } }]);
});
