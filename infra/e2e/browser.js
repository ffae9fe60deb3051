// People at a browser. Each has a browser context of their own, and clicks from page to page like anybody would.
import { chromium } from 'playwright-core';
import { remember } from './secrets.js';

let shots = 0;

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root, as in a build container, cannot use Chromium's sandbox.
  chromiumSandbox: process.getuid() !== 0,
  args: ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'],
});

/** A person with a fresh browser profile. `sites` has the origins of the identity provider, the authorization server and Latchkey. */
export async function openVisitor({ browser, person, sites, folder }) {
  // A broker with https here has a certificate that no browser trusts.
  const context = await browser.newContext({ ignoreHTTPSErrors: sites.latchkey.startsWith('https:') });
  const page = await context.newPage();
  /** Every answer that Latchkey gave to a navigation of this browser, redirects included. */
  const answers = [];
  page.on('response', (response) => {
    const request = response.request();
    if (!request.isNavigationRequest() || new URL(response.url()).origin !== sites.latchkey) return;
    answers.push({ method: request.method(), path: new URL(response.url()).pathname, status: response.status(), headers: response.headers() });
  });

  /** What is on the screen, as `site: page`. */
  async function look() {
    const { origin, pathname } = new URL(page.url());
    const has = async (selector) => (await page.locator(selector).count()) > 0;
    if (origin === sites.latchkey) {
      if (await has('button[name=decision][value=connect]')) return 'latchkey: consent';
      if (await has('button[name=decision][value=switch]')) return 'latchkey: wrong person';
      if (pathname === '/connections') return 'latchkey: connections';
      return pathname.startsWith('/connected/') ? 'latchkey: connected' : 'latchkey: message';
    }
    const site = { [sites.idp]: 'identity provider', [sites.as]: 'authorization server' }[origin] ?? origin;
    if (await has('button[name=person]')) return `${site}: sign in`;
    if (await has('button[name=decision][value=allow]')) return `${site}: consent`;
    return `${site}: nothing to click`;
  }

  async function load(action) {
    const loaded = page.waitForEvent('load', { timeout: 20_000 });
    loaded.catch(() => {});
    const response = await action();
    await loaded;
    await arrive();
    return response;
  }

  /** Waits while Latchkey's page after a form sends the browser on by itself. */
  async function arrive() {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
      const onward = () => document.readyState !== 'complete' || document.querySelector('meta[http-equiv=refresh]') !== null;
      // A page that is being left cannot be asked.
      if (!(await page.evaluate(onward).catch(() => true))) return;
      await page.waitForTimeout(20);
    }
    throw new Error(`${person} got stuck at ${page.url()}`);
  }

  async function note() {
    for (const cookie of await context.cookies()) remember('cookie', cookie.value);
    const seen = await look();
    if (seen.startsWith('latchkey')) {
      shots += 1;
      await page.screenshot({ path: `${folder}/${String(shots).padStart(2, '0')}-${person}-${seen.slice(10).replaceAll(' ', '-')}.png`, fullPage: true });
    }
    return seen;
  }

  const press = (name, value) => load(() => page.locator(`button[name=${name}][value=${value}]`).click());

  return {
    person,
    context,
    page,
    answers,
    text: () => page.locator('body').innerText(),
    /** The status of the page on the screen, if it is one of Latchkey's. */
    status: () => answers.at(-1).status,
    /** The Cookie header that this browser would send to `url`. Not left to Playwright, which has Secure cookies only for "localhost". */
    async cookieHeader({ hostname, pathname }) {
      const cookies = (await context.cookies()).filter(({ domain, path }) => domain === hostname && pathname.startsWith(path));
      return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    },

    /** Does what leads to another page, and waits until that page stays. */
    load,

    /** Opens a URL and stays on the page that it leads to. */
    async open(url) {
      await load(() => page.goto(url));
      return note();
    },

    press: async (decision) => { await press('decision', decision); return note(); },

    /** Follows a link, or presses a button, that reads so. */
    choose: async (role, name) => { await load(() => page.getByRole(role, { name, exact: true }).click()); return note(); },

    /**
     * Signs in and agrees wherever that is asked, until the page `until`, or one where there is nothing to agree to.
     * Answers every page that was on the screen. `at` says what to press on a page instead of agreeing, `as` who is at the keys.
     */
    async goOn({ until, at = {}, as = person } = {}) {
      const screens = [await look()];
      while (screens.at(-1) !== until) {
        const screen = screens.at(-1);
        if (screens.length > 12) throw new Error(`${person} goes round in circles: ${screens.join(' > ')}`);
        if (at[screen]) await press('decision', at[screen]);
        else if (screen === 'latchkey: consent') await press('decision', 'connect');
        else if (screen.endsWith(': sign in')) await press('person', as);
        else if (screen.endsWith(': consent')) await press('decision', 'allow');
        else break;
        screens.push(await note());
      }
      return screens;
    },

    /** The whole way from a link to the connected page. */
    async connect(url) {
      await this.open(url);
      const screens = await this.goOn();
      if (screens.at(-1) !== 'latchkey: connected') throw new Error(`${person} did not arrive: ${screens.join(' > ')}\n${await this.text()}`);
      return screens;
    },

    close: () => context.close(),
  };
}
