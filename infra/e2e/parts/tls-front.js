// What stands before a broker on the internet: it ends TLS and passes everything on.
import http from 'node:http';
import https from 'node:https';
import { selfMade } from './certificate.js';

export async function startTlsFront({ port, to, log }) {
  const { authority, key, cert } = selfMade();
  const server = https.createServer({ key, cert }, (req, res) => {
    const onward = http.request({ host: '127.0.0.1', port: to, method: req.method, path: req.url, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(res);
    });
    onward.on('error', (error) => { log('not passed on', { path: req.url, error: error.code }); res.writeHead(502).end(); });
    req.pipe(onward);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));

  return {
    origin: `https://127.0.0.1:${port}`,
    /** `fetch` for somebody who trusts the authority of this front, and no other private one. It follows no redirect. */
    fetch: (url, { method = 'GET', headers = {} } = {}) => new Promise((resolve, reject) => {
      const request = https.request(url, { method, headers: Object.fromEntries(new Headers(headers)), ca: authority }, async (answer) => {
        const body = Buffer.concat(await Array.fromAsync(answer));
        const entries = Object.entries(answer.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
        resolve(new Response(body, { status: answer.statusCode, headers: entries }));
      });
      request.once('error', reject).end();
    }),
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}
