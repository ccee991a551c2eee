/**
 * Hosts a handler as Next.js would, on plain node:http: `node next-host.mjs route|page FILE PORT`.
 *
 * A route has functions for methods, which take a `Request` and return a `Response`; a page has one for all of them, which
 * takes Node's own request and response, with what Next.js adds to these.
 */
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const [kind, file, port] = process.argv.slice(2);
const handlers = await import(pathToFileURL(resolve(file)));

async function route(req, res, vendor) {
  const handler = handlers[req.method];
  if (!handler) return res.writeHead(405).end();
  const headers = new Headers();
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
  const body = Readable.toWeb(req);
  const request = new Request(`http://localhost${req.url}`, { method: req.method, headers, body, duplex: 'half' });
  const response = await handler(request, { params: Promise.resolve({ vendor }) });
  res.writeHead(response.status).end();
}

async function page(req, res, vendor) {
  if (handlers.config.api.bodyParser !== false) throw new Error('Next.js would have parsed the body');
  req.query = { vendor };
  res.status = (code) => ((res.statusCode = code), res);
  await handlers.default(req, res);
}

createServer((req, res) => {
  const vendor = /^\/api\/webhooks\/(\w+)$/.exec(req.url)?.[1];
  if (!vendor) return res.writeHead(404).end();
  ({ route, page })[kind](req, res, vendor).catch((error) => {
    console.error(error);
    res.writeHead(500).end();
  });
}).listen(Number(port));
