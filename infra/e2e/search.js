// Looks for everything secret that a run issued or sent, in what the run wrote.
import fs from 'node:fs';
import path from 'node:path';
import { artifacts } from './artifacts.js';
import { registry } from './secrets.js';

/** Every secret of the run. */
export const secrets = () => fs.readFileSync(registry, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

/** Every file below `folder`, apart from the list of secrets, the configuration (which is theirs by right) and what `skip` names. */
export function filesBelow(folder, skip = ['config', 'data']) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (file === registry || (entry.isDirectory() && skip.includes(entry.name))) return [];
    return entry.isDirectory() ? filesBelow(file, skip) : [file];
  });
}

/** Where a secret lies in the clear: as it is, percent-encoded, or escaped for JSON. */
export function findings(files, wanted = secrets()) {
  const found = [];
  for (const file of files) {
    const text = fs.readFileSync(file, 'latin1');
    for (const { kind, value } of wanted) {
      const forms = new Set([value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]);
      // The finding says what and where, never the value: it ends up in the report.
      if ([...forms].some((form) => text.includes(form))) found.push(`${kind} ${value.slice(0, 4)}… in ${path.relative(artifacts, file)}`);
    }
  }
  return found;
}
