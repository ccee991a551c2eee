/** Arcade as a Web-standard route handler, the form of a Next.js `app/webhooks/arcade/route` file. */
import { arcadeInbox } from './inbox.mjs';
import { report, secretFromEnv } from './protocol.mjs';

const receive = arcadeInbox({ secret: secretFromEnv('ARCADE_SIGNING_SECRET') });

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function POST(request) {
  // Not text(): it decodes, and the signature is over the bytes.
  const body = new Uint8Array(await request.arrayBuffer());
  const outcome = receive(
    {
      signature: request.headers.get('x-arcade-signature'),
      signature2: request.headers.get('x-arcade-signature-2'),
    },
    body,
  );
  report(outcome, body);
  return Response.json({ success: outcome.status === 200 }, { status: outcome.status });
}
