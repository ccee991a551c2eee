/** Arcade on plain node:http. */
import { STATUS_CODES, createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { BodyTooLargeError, bodyStream, isCutOff } from './body.mjs';
import { arcadeInbox, refusal } from './inbox.mjs';
import { report, secretFromEnv, serve } from './protocol.mjs';

const PATH = '/webhooks/arcade';
const receive = arcadeInbox({ secret: secretFromEnv('ARCADE_SIGNING_SECRET') });

const server = createServer(async (req, res) => {
  let body = null;
  let outcome;
  try {
    body = await buffer(bodyStream(req));
    outcome = decide(req, body);
  } catch (error) {
    if (isCutOff(req)) return;
    outcome = refusal(error instanceof BodyTooLargeError ? 413 : 500);
    if (outcome.status === 500) console.error(error);
  }
  report(outcome, body);
  if (outcome.status === 405) res.setHeader('Allow', 'POST');
  res.statusCode = outcome.status;
  res.end(STATUS_CODES[outcome.status]);
});

serve(server, PATH);

function decide(req, body) {
  if (req.url.split('?', 1)[0] !== PATH) return refusal(404);
  if (req.method !== 'POST') return refusal(405);
  return receive(
    { signature: req.headers['x-arcade-signature'], signature2: req.headers['x-arcade-signature-2'] },
    body,
  );
}
