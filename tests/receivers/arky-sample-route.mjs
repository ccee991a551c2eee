/** Does what the Next.js example of Arky's page does, faults included; written anew. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const handlers = new Map([
  ['order.paid', async (data) => console.error(`paid: ${data.order?.id}`)],
  ['reservation.confirmed', async (data) => console.error(`confirmed: ${data.reservation?.id}`)],
  ['email.bounced', async (data) => console.error(`bounced: ${data.email}`)],
]);

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function POST(request) {
  const body = await request.text();
  const signature = request.headers.get('x-arky-signature');
  const timestamp = request.headers.get('x-arky-timestamp');
  if (!isSigned(body, signature, timestamp)) return Response.json({ error: 'Invalid signature' }, { status: 401 });

  const { event, data } = JSON.parse(body);
  try {
    await handlers.get(event)?.(data);
    return Response.json({ received: true });
  } catch (error) {
    console.error(error);
    return Response.json({ error: 'Handler failed' }, { status: 500 });
  }
}

// The faults are here: an absent timestamp is signed as `null.`, text() has decoded the bytes, no age is too great, and
// timingSafeEqual throws when the lengths differ.
function isSigned(body, signature, timestamp) {
  const expected = createHmac('sha256', process.env.ARKY_WEBHOOK_SECRET).update(`${timestamp}.${body}`).digest('hex');
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}
