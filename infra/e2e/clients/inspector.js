// MCP Inspector's command line: a client without elicitation. What it prints is what its reader gets.
import { execFile } from 'node:child_process';
import path from 'node:path';

const inspector = path.join(import.meta.dirname, '../node_modules/.bin/mcp-inspector');

/** Calls a tool; answers the exit code and what was printed. `era` is 'legacy' or 'modern', `home` a folder for its own files. */
export function inspectorCall({ endpoint, token, tool, era, home }) {
  const args = ['--cli', endpoint, '--transport', 'http', '--protocol-era', era, '--method', 'tools/call', '--tool-name', tool, '--format', 'json', '--header', `Authorization: Bearer ${token}`];
  const env = { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, HOME: home };
  return new Promise((resolve) => {
    execFile(inspector, args, { env, timeout: 60_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}
