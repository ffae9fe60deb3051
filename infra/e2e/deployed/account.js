// The AWS account of a run: emulators behind one port, where each function may do what the template says and nothing else.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../../..');
const python = process.env.PYTHON ?? path.join(root, '.tools/lint/bin/python');
const ministack = process.env.MINISTACK ?? path.join(root, '.tools/ministack/bin/ministack');
const template = process.env.TRANSLATED ?? path.join(root, '.tools/translated.yaml');

/** Deploys the template with `parameters`, of which those in `secrets` are ARNs of secrets with these values. `roots` is a file in PEM. */
export async function startAccount({ folder, parameters, secrets, roots }) {
  const settings = `${folder}/config/account.json`;
  fs.writeFileSync(settings, JSON.stringify({ template, parameters, secrets, roots, ministack, log: `${folder}/ministack.log` }));
  const child = spawn(python, [path.join(root, 'infra/account/account.py'), settings], { stdio: ['pipe', 'pipe', fs.openSync(`${folder}/account.log`, 'a')] });
  const first = once(createInterface({ input: child.stdout }), 'line');
  const [line] = await Promise.race([first, once(child, 'exit').then(() => { throw new Error(`the account does not start; see ${folder}/account.log`); })]);
  const made = JSON.parse(line);

  const side = async (method, what, body) => {
    const response = await fetch(`${made.endpoint}/_account/${what}`, { method, ...(body && { body: JSON.stringify(body) }) });
    return response.json();
  };
  /** One request of whoever has `key`. The signature says whose it is, and to which service; nobody verifies it. */
  const request = async (service, { method = 'POST', path = '/', headers = {}, body, key = made.operator }) => {
    const response = await fetch(`${made.endpoint}${path}`, {
      method,
      headers: { authorization: `AWS4-HMAC-SHA256 Credential=${key}/20260101/${made.region}/${service}/aws4_request, SignedHeaders=host, Signature=none`, ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path} of ${service}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    ...made,
    /** What a service with operations in a header answers. They are named as its protocol does: `DynamoDB_20120810.GetItem`. */
    ask: (service, operation, body, key) => request(service, { headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': operation }, body, key }),
    /** What the control plane of the gateways answers. */
    control: (method, path, body) => request('bedrock-agentcore', { method, path, headers: { 'content-type': 'application/json' }, body }),
    /** All that was asked for so far, by whom, and whether it was allowed. */
    calls: async () => (await side('GET', 'calls')).calls,
    /** From now on, the `call`th request of `caller` is held back: before it is served, or after that, and then never answered. */
    hold: (caller, call, when) => side('PUT', 'hold', { caller, call, when }),
    /** The action that is asked for by the request that is held back now, if one is. */
    held: async () => (await side('GET', 'hold')).held,
    letGo: () => side('DELETE', 'hold'),
    /** From now on all secrets are so much older than they are. */
    ago: (seconds) => side('PUT', 'ago', { seconds }),
    /** What the gateways hold, by their ids. */
    gateways: () => side('GET', 'gateways'),
    /** How often one has to ask before an operation of the control plane is done. */
    polls: (polls) => side('PUT', 'polls', { polls }),
    /** Something is to go wrong at the control plane: see `ControlPlane.order`. */
    order: (order) => side('POST', 'orders', order),
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
