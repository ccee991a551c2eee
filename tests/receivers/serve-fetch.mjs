/** Serves Web-standard route handlers (`Request` in, `Response` out) from plain node:http. */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { BodyTooLargeError, bodyStream, isCutOff } from './body.mjs';
import { refusal } from './inbox.mjs';
import { report, serve } from './protocol.mjs';

/**
 * @param {string} path the only path there is; others are 404
 * @param {Record<string, (request: Request) => Promise<Response>>} handlers by method; other methods are 405. A handler
 *   reports its own requests; what never reaches one is reported here.
 */
export function serveFetch(path, handlers) {
  const server = createServer(async (req, res) => {
    try {
      const found = req.url.split('?', 1)[0] === path;
      if (found && Object.hasOwn(handlers, req.method)) {
        await send(res, await handlers[req.method](toRequest(req)));
      } else {
        const body = await buffer(bodyStream(req));
        const status = found ? 405 : 404;
        report(refusal(status), body);
        const headers = found ? { Allow: Object.keys(handlers).join(', ') } : {};
        await send(res, new Response(null, { status, headers }));
      }
    } catch (error) {
      if (isCutOff(req)) return;
      const status = error instanceof BodyTooLargeError ? 413 : 500;
      if (status === 500) console.error(error);
      report(refusal(status), null);
      await send(res, new Response(null, { status }));
    }
  });
  serve(server, path);
}

/**
 * @param {import('node:http').IncomingMessage} req whose path is known, so that its URL is certain to parse
 * @returns {Request}
 */
function toRequest(req) {
  const headers = new Headers();
  // From the raw list, one by one: `append` joins repeats as the Fetch standard says, none is lost.
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
  // Not the Host header: it is the sender's to choose, and may be no host at all.
  const url = new URL(req.url, `http://127.0.0.1:${req.socket.localPort}`);
  const body = req.method === 'GET' || req.method === 'HEAD' ? null : bodyStream(req);
  // A streamed body needs `duplex`, and 'half' is the only value there is.
  return new Request(url, { method: req.method, headers, body, duplex: 'half' });
}

/**
 * @param {import('node:http').ServerResponse} res
 * @param {Response} response
 */
async function send(res, response) {
  res.statusCode = response.status;
  res.setHeaders(response.headers);
  res.end(Buffer.from(await response.arrayBuffer()));
}
