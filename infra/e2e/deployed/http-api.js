// An HTTP API of Amazon API Gateway, by https: each request becomes an event of format 2.0, each answer a response.
// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
import { randomBytes } from 'node:crypto';
import https from 'node:https';

/** `routes()` maps route keys to functions by name; `invoke(name, event)` answers `{ answer }` or `{ error }`. */
export async function startHttpApi({ tls, routes, invoke, log }) {
  const table = () => Object.entries(routes()).map(([key, name]) => {
    const [method, path] = key.split(' ');
    return { key, name, method, path: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`) };
  });
  const server = https.createServer(tls, async (req, res) => {
    const url = new URL(req.url, `https://localhost:${port}`);
    const route = table().find(({ method, path }) => method === req.method && path.test(url.pathname));
    const said = (status, message) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
    if (!route) return said(404, 'Not Found');
    const body = Buffer.concat(await Array.fromAsync(req));
    const { answer, error } = await invoke(route.name, eventOf(req, url, body, route, port));
    log('answered', { route: route.key, status: error ? 500 : answer.statusCode });
    if (error) return said(500, 'Internal Server Error');
    for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
    // What a format 1.0 answer would hold in `multiValueHeaders` is not looked at.
    if (answer.cookies?.length) res.setHeader('set-cookie', answer.cookies);
    res.writeHead(answer.statusCode ?? 200);
    return res.end(Buffer.from(answer.body ?? '', answer.isBase64Encoded ? 'base64' : 'utf8'));
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    origin: `https://localhost:${port}`,
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}

function eventOf(req, url, body, route, port) {
  const headers = {};
  for (let place = 0; place < req.rawHeaders.length; place += 2) {
    const [name, value] = [req.rawHeaders[place].toLowerCase(), req.rawHeaders[place + 1]];
    headers[name] = name in headers ? `${headers[name]},${value}` : value;
  }
  const { cookie, ...rest } = headers;
  const query = {};
  for (const [name, value] of url.searchParams) query[name] = name in query ? `${query[name]},${value}` : value;
  const now = new Date();
  const http = { method: req.method, path: url.pathname, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: rest['user-agent'] ?? '' };
  const pathParameters = { ...route.path.exec(url.pathname).groups };
  return {
    version: '2.0',
    routeKey: route.key,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookie && { cookies: cookie.split(/;\s*/) }),
    headers: {
      'content-length': String(body.length),
      ...rest,
      'x-amzn-trace-id': `Root=1-${Math.floor(now / 1000).toString(16)}-${randomBytes(12).toString('hex')}`,
      'x-forwarded-for': '192.0.2.1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    ...(url.search && { queryStringParameters: query }),
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3d4e5',
      domainName: `localhost:${port}`,
      domainPrefix: 'localhost',
      http,
      requestId: randomBytes(11).toString('base64'),
      routeKey: route.key,
      stage: '$default',
      time: now.toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1/$2/$3:$4 +0000'),
      timeEpoch: Number(now),
    },
    ...(Object.keys(pathParameters).length > 0 && { pathParameters }),
    // Whatever is no text is encoded, and to an HTTP API a form is none.
    ...(body.length > 0 && { body: body.toString('base64') }),
    isBase64Encoded: body.length > 0,
  };
}
