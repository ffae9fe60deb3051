// A function as Lambda runs it: AWS's own runtime interface emulator around the function's own binary.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePorts } from '../world.js';

const root = path.resolve(import.meta.dirname, '../../..');
/** The genuine one, which comes with AWS SAM's command. */
const architecture = { x64: 'x86_64', arm64: 'arm64' }[process.arch];
const [emulator] = fs.globSync(path.join(root, `.tools/lint/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-${architecture}`));
const folder = process.env.FUNCTIONS ?? path.join(root, 'target/release');

/** The binary of a function: as `sam build` leaves it, or as cargo does. A debug build has more to say than may be logged. */
export function binaryOf(name, binary) {
  const built = path.join(folder, name, 'bootstrap');
  return fs.existsSync(built) ? built : path.join(folder, binary);
}

/**
 * One function, with one process at a time, begun by the first event that finds none. Events wait for each other, as they do not
 * at Lambda, which would begin another process: the emulator takes one at a time.
 */
export function startFunction({ name, binary, environment, timeout, memory, log }) {
  let child, port, last = Promise.resolve();
  const kill = () => {
    if (!child) return;
    // The function is a child of the emulator's.
    for (const process of [...childrenOf(child.pid), child.pid]) signal(process, 'SIGKILL');
    child = undefined;
  };
  process.once('exit', kill);

  async function start() {
    const ports = await freePorts(['events', 'runtime']);
    const addresses = ['--runtime-interface-emulator-address', `127.0.0.1:${ports.events}`, '--runtime-api-address', `127.0.0.1:${ports.runtime}`];
    const output = fs.openSync(log, 'a');
    const begun = spawn(emulator, ['--log-level', 'error', ...addresses, binary], {
      env: {
        PATH: process.env.PATH,
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_TIMEOUT: String(timeout),
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memory),
        AWS_LAMBDA_LOG_FORMAT: 'JSON',
        // As somebody sets it who looks for a fault. The logs are searched for secrets in the end.
        AWS_LAMBDA_LOG_LEVEL: 'TRACE',
        ...environment,
      },
      stdio: ['ignore', output, output],
    });
    fs.closeSync(output);
    begun.once('exit', () => { if (child === begun) child = undefined; });
    [child, port] = [begun, ports.events];
    await listening(port, begun);
  }

  async function invoke(event) {
    if (!child) await start();
    try {
      const response = await fetch(`http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`, { method: 'POST', body: JSON.stringify(event) });
      const text = await response.text();
      const answer = parsed(text);
      if (answer?.errorType !== undefined || answer?.errorMessage !== undefined || response.status !== 200) return { error: answer ?? text };
      return { answer };
    } catch (error) {
      return { error: { errorType: 'Ended', errorMessage: String(error.cause ?? error) } };
    }
  }

  return {
    name,
    /** Answers `{ answer }`, or `{ error }` if the function failed. */
    invoke(event) {
      const done = last.then(() => invoke(event));
      last = done.catch(() => {});
      return done;
    },
    /** Ends its process where it stands. The next event begins another. */
    kill,
    close() {
      process.off('exit', kill);
      kill();
    },
  };
}

/** All processes below one. */
function childrenOf(process) {
  const listed = fs.readdirSync(`/proc/${process}/task`, { withFileTypes: false }).flatMap((task) => fs.readFileSync(`/proc/${process}/task/${task}/children`, 'utf8').trim().split(' '));
  const children = listed.filter(Boolean).map(Number);
  return children.flatMap((child) => [...childrenOf(child), child]);
}

function signal(id, name) {
  try {
    process.kill(id, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // The emulator says in plain text that a function took too long, and nothing of one that ended.
    return { errorType: 'Unreadable', errorMessage: text };
  }
}

async function listening(port, child) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline && child.exitCode === null; ) {
    const socket = net.connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    } finally {
      socket.destroy();
    }
  }
  throw new Error('the runtime interface emulator does not start');
}
