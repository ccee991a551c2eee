/** Does what the Express example of Arky's page does, faults included; written anew. */
import { createHmac, timingSafeEqual } from 'node:crypto';

import express from 'express';

import { serve } from './protocol.mjs';
import { reportingServer } from './sample.mjs';

const PATH = '/api/webhooks/arky';
const handlers = new Map([
  ['order.paid', (data) => console.error(`paid: ${data.order?.id}`)],
  ['reservation.confirmed', (data) => console.error(`confirmed: ${data.reservation?.id}`)],
  ['user.registered', (data) => console.error(`registered: ${data.user?.id}`)],
]);

const app = express();

app.post(PATH, express.raw({ type: 'application/json' }), (req, res) => {
  const { 'x-arky-signature': signature, 'x-arky-timestamp': timestamp } = req.headers;
  if (!isSigned(req.body, signature, timestamp)) {
    res.status(401).send('Invalid signature');
    return;
  }
  const { event, data } = JSON.parse(req.body.toString());
  handlers.get(event)?.(data);
  res.status(200).send('OK');
});

serve(reportingServer(app), PATH);

// The faults are here: an absent timestamp is signed as `undefined.`, the bytes are decoded first, no age is too great,
// and timingSafeEqual throws when the lengths differ.
function isSigned(body, signature, timestamp) {
  const expected = createHmac('sha256', process.env.ARKY_WEBHOOK_SECRET)
    .update(`${timestamp}.${body.toString()}`)
    .digest('hex');
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}
