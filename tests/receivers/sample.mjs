/** Around the vendors' samples: reports what they answer, as they themselves do not, and leaves them as they are. */
import { createServer } from 'node:http';

import { refusal } from './inbox.mjs';
import { report } from './protocol.mjs';

/** What Next.js answers when a handler throws. */
const HANDLER_THREW = 'Internal Server Error';

/**
 * A server whose answers are reported; event, id and body are the sample's own business and null in every record.
 *
 * @param {import('node:http').RequestListener} listener
 * @returns {import('node:http').Server}
 */
export function reportingServer(listener) {
  return createServer((req, res) => {
    const { writeHead } = res;
    res.writeHead = (status, ...rest) => {
      report(refusal(status), null);
      return writeHead.call(res, status, ...rest);
    };
    listener(req, res);
  });
}

/**
 * A route handler whose answers are reported, and whose exceptions become what Next.js makes of them.
 *
 * @param {(request: Request) => Promise<Response>} handler
 * @returns {(request: Request) => Promise<Response>}
 */
export function reportingRoute(handler) {
  return async (request) => {
    let response;
    try {
      response = await handler(request);
    } catch (error) {
      console.error(error);
      response = new Response(HANDLER_THREW, { status: 500 });
    }
    report(refusal(response.status), null);
    return response;
  };
}

/**
 * The same for a handler of the pages router.
 *
 * @param {string} path
 * @param {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse) => Promise<void>} handler
 * @returns {import('node:http').Server}
 */
export function reportingPage(path, handler) {
  return reportingServer(async (req, res) => {
    if (req.url.split('?', 1)[0] !== path) {
      res.writeHead(404).end();
      return;
    }
    try {
      await handler(req, res);
    } catch (error) {
      console.error(error);
      res.writeHead(500).end(HANDLER_THREW);
    }
  });
}
