// Where a run leaves its logs, screenshots and data: one folder for each test file.
import fs from 'node:fs';
import path from 'node:path';

export const artifacts = process.env.ARTIFACTS ?? path.join(import.meta.dirname, 'artifacts');
fs.mkdirSync(artifacts, { recursive: true });

/** An empty folder for the test file at `url`. */
export function folderOf(url) {
  const folder = path.join(artifacts, path.basename(url, '.test.js'));
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

/** A log of one line per event. */
export function logFile(file) {
  return (event, fields = {}) => fs.appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}
