/** Arky on Express 5. */
import { createServer } from 'node:http';

import express from 'express';

import { MAX_BODY_BYTES, isCutOff } from './body.mjs';
import { arkyInbox, refusal } from './inbox.mjs';
import { maxAgeFromEnv, report, secretFromEnv, serve } from './protocol.mjs';

const PATH = '/api/webhooks/arky';
const receive = arkyInbox({ secret: secretFromEnv('ARKY_WEBHOOK_SECRET'), maxAgeS: maxAgeFromEnv() });

const app = express();
app.disable('x-powered-by');
// Without these two, /API/Webhooks/arky/ would be the same route.
app.enable('case sensitive routing');
app.enable('strict routing');

// Any content type: one that is left out here never reaches the handler as bytes. No inflating: the signature covers
// what was sent. The default limit is 100 KiB, less than a real order can weigh.
app.use(express.raw({ type: () => true, inflate: false, limit: MAX_BODY_BYTES }));

app.post(PATH, (req, res) => {
  const headers = { signature: req.get('x-arky-signature'), timestamp: req.get('x-arky-timestamp') };
  answer(req, res, receive(headers, bodyOf(req)));
});
app.all(PATH, (req, res) => {
  res.set('Allow', 'POST');
  answer(req, res, refusal(405));
});
app.use((req, res) => answer(req, res, refusal(404)));

// Express tells an error handler by its four parameters. Its own one would print a stack trace into the answer.
app.use((error, req, res, _next) => {
  if (isCutOff(req)) return;
  const status = error.status ?? 500;
  if (status >= 500) console.error(error);
  report(refusal(status), null);
  res.sendStatus(status);
});

serve(createServer(app), PATH);

function answer(req, res, outcome) {
  report(outcome, bodyOf(req));
  res.sendStatus(outcome.status);
}

function bodyOf(req) {
  return req.body ?? Buffer.alloc(0); // express.raw sets nothing when a request has no body at all.
}
