// Ends a process between any two of its requests, and lets it begin again.

/**
 * For each request of `caller`, before it is served: `prepare()`, then `act()` with that request held back, `kill()` while it is, and
 * `check(place)`. The same for each that changes something, after it is served and before it is answered: to have read makes no
 * difference to whoever begins again. Ends when `act` has come to its end without having been stopped. Answers how often it was.
 */
export async function crashEverywhere(account, caller, { prepare, act, kill, check }) {
  async function stopped(call, when) {
    await prepare();
    await account.hold(caller, call, when);
    const acted = act();
    const action = await until(acted, account.held);
    if (action) await kill();
    await account.letGo();
    await acted;
    await check(`${when} request ${call} (${action ?? 'none'})`);
    return action;
  }

  const actions = [];
  for (let action; (action = await stopped(actions.length + 1, 'before')); ) {
    actions.push(action);
    if (actions.length > 60) throw new Error(`${caller} asks for ever`);
  }
  const changes = [...actions.entries()].filter(([, action]) => !/:(Get|List|Scan|Query|Describe)/.test(action));
  for (const [place] of changes) await stopped(place + 1, 'after');
  return actions.length + changes.length;
}

/** What is asked for by the request that is held back, before `acted` has come to its end. */
async function until(acted, held) {
  let ended = false;
  acted.finally(() => { ended = true; }).catch(() => {});
  while (!ended) {
    const action = await held();
    if (action) return action;
  }
  return null;
}
