/** Does what the API route example of Arcade's page is meant to do (as printed it does not parse); written anew. */
import { createHmac } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { serve } from './protocol.mjs';
import { reportingPage } from './sample.mjs';

const PATH = '/webhooks/arcade';

serve(reportingPage(PATH, handler), PATH);

async function handler(req, res) {
  if (req.method !== 'POST') {
    res.writeHead(405).end();
    return;
  }
  const signatures = [req.headers['x-arcade-signature'], req.headers['x-arcade-signature-2']];
  if (!signatures.some(Boolean)) {
    res.writeHead(401).end();
    return;
  }
  const body = await buffer(req);
  const expected = createHmac('sha256', process.env.ARCADE_SIGNING_SECRET).update(body).digest('base64');
  if (!signatures.includes(expected)) {
    res.writeHead(403).end();
    return;
  }
  // The fault is here: what is no JSON becomes a 500, which the vendor would try again.
  const event = JSON.parse(body);
  console.error('form:', event);
  res.writeHead(200).end();
}
