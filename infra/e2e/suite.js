// Runs every test file of a folder, `tests` unless another is named, one after the other, the log search last. Green only if each file ran a test and nothing was skipped.
import fs from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const artifacts = process.env.ARTIFACTS ?? path.join(import.meta.dirname, 'artifacts');
fs.rmSync(artifacts, { recursive: true, force: true });
fs.mkdirSync(artifacts, { recursive: true });

const folder = path.join(import.meta.dirname, process.argv[2] ?? 'tests');
const last = 'logs.test.js';
const names = [...fs.readdirSync(folder).filter((name) => name !== last).sort(), last];
const files = names.map((name) => path.join(folder, name));

const passed = new Map(files.map((file) => [file, 0]));
const complaints = [];
const events = run({ files, concurrency: false, timeout: 300_000 })
  .on('test:pass', ({ name, file, skip, todo }) => {
    if (skip !== undefined || todo !== undefined) complaints.push(`skipped: ${name}`);
    else if (passed.has(file)) passed.set(file, passed.get(file) + 1);
  })
  .on('test:fail', ({ name }) => complaints.push(`failed: ${name}`));

const report = events.compose(spec);
report.pipe(process.stdout);
report.pipe(fs.createWriteStream(path.join(artifacts, 'report.txt')));
report.on('end', () => {
  for (const [file, tests] of passed) if (tests === 0) complaints.push(`no test passed in ${path.basename(file)}`);
  // The reporter tells of failures; what it would let pass is told here.
  for (const complaint of complaints.filter((text) => !text.startsWith('failed: '))) process.stderr.write(`${complaint}\n`);
  process.exitCode = complaints.length > 0 ? 1 : 0;
});
