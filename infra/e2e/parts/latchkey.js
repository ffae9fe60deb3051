// The process under test: `latchkey local`, with a configuration or, with the demo around it, without.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const binary = path.resolve(process.env.LATCHKEY ?? path.join(import.meta.dirname, '../../../target/debug/latchkey'));

/** Begins a command of the operator. Its output is appended to `log`. `done` is its exit code and what it said. */
export function begin(args, { log, env = {} }) {
  const child = spawn(binary, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of Object.keys(said)) child[name].setEncoding('utf8').on('data', (text) => { said[name] += text; });
  const done = once(child, 'close').then(([code]) => {
    fs.appendFileSync(log, `$ latchkey ${args.join(' ')}\n${said.stderr}${said.stdout}`);
    return { code, ...said, get json() { return JSON.parse(said.stdout); } };
  });
  return { done, kill: () => child.kill('SIGKILL') };
}

/** Runs a command of the operator, and answers its exit code and what it said. */
export const operate = (args, options) => begin(args, options).done;

/** Starts the process and answers when it says that it is ready. Its output is appended to `log`. */
export async function startLatchkey({ config, cwd, log }) {
  const child = spawn(binary, config ? ['local', '--config', config] : ['local'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const file = fs.createWriteStream(log, { flags: 'a' });
  child.stderr.pipe(file, { end: false });
  // A test process that dies must not leave the port taken for the next one.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      file.write(`${line}\n`);
      const endpoint = /^ready: (\S+)$/.exec(line)?.[1];
      if (endpoint) resolve(endpoint);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`latchkey ended with ${signal ?? code} before it was ready; see ${log}`)));
    setTimeout(() => reject(new Error(`latchkey was not ready after 60 s; see ${log}`)), 60_000).unref();
  });

  const part = {
    /** Ends the process where it stands. */
    async kill() {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
    /** Asks the process to stop, as an operator would, and answers its exit code (or the signal that ended it). */
    async stop() {
      process.off('exit', kill);
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const late = setTimeout(kill, 10_000);
        await ended;
        clearTimeout(late);
      }
      return child.exitCode ?? child.signalCode;
    },
  };
  try {
    part.endpoint = await ready;
  } catch (error) {
    kill();
    throw error;
  }
  return part;
}
