// Every value that must never be found in a log. The parts of a run report what they issue, the clients what they send.
// The list is a file, because each test file is a process of its own and the log search is the last of them.
import fs from 'node:fs';
import { artifacts } from './artifacts.js';

export const registry = `${artifacts}/secrets.jsonl`;
const seen = new Set();

export function remember(kind, value) {
  // A short value would be found everywhere by chance; everything that is issued here is longer.
  if (typeof value !== 'string' || value.length < 16 || seen.has(value)) return;
  seen.add(value);
  fs.appendFileSync(registry, `${JSON.stringify({ kind, value })}\n`, { mode: 0o600 });
  // A log may hold a part of a JWT, so what is private about it counts on its own: the claims and the signature.
  const [, claims, signature] = value.split('.');
  remember(kind, claims);
  remember(kind, signature);
}

export function rememberSetCookies(response) {
  for (const cookie of response.headers.getSetCookie()) remember('cookie', cookieValue(cookie));
}

export const cookieValue = (cookie) => cookie.slice(cookie.indexOf('=') + 1).split(';')[0];
