/** Arky as a Web-standard route handler, the form of a Next.js `app/api/webhooks/arky/route` file. */
import { arkyInbox } from './inbox.mjs';
import { maxAgeFromEnv, report, secretFromEnv } from './protocol.mjs';

const receive = arkyInbox({ secret: secretFromEnv('ARKY_WEBHOOK_SECRET'), maxAgeS: maxAgeFromEnv() });

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function POST(request) {
  // Not text(): it decodes, which drops a byte order mark and replaces bad UTF-8, and the signature no longer fits.
  const body = new Uint8Array(await request.arrayBuffer());
  const outcome = receive(
    { signature: request.headers.get('x-arky-signature'), timestamp: request.headers.get('x-arky-timestamp') },
    body,
  );
  report(outcome, body);
  return Response.json({ received: outcome.status === 200 }, { status: outcome.status });
}
