// The Lambda Runtime API, asked as little as possible: one connection, one event at a time.
import { Agent, request } from 'node:http';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function exchange(method, path, body = '') {
  const headers = body && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  const options = { agent, host, port, method, headers: headers || {}, path: `/2018-06-01/runtime/${path}` };
  return new Promise((resolve, reject) => {
    const sent = request(options, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const described = (error) => JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: error.stack });

let handler;
try {
  ({ handler } = await import('./interceptor.mjs'));
} catch (error) {
  await exchange('POST', 'init/error', described(error));
  throw error;
}
for (;;) {
  const { headers, text } = await exchange('GET', 'invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  try {
    const answer = JSON.stringify(await handler(JSON.parse(text)));
    await exchange('POST', `invocation/${id}/response`, answer);
  } catch (error) {
    await exchange('POST', `invocation/${id}/error`, described(error));
  }
}
