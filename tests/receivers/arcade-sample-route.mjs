/** Does what the route handler example of Arcade's page is meant to do (as printed it throws); written anew. */
import { createHmac } from 'node:crypto';

/**
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function POST(request) {
  const signatures = [request.headers.get('x-arcade-signature'), request.headers.get('x-arcade-signature-2')];
  if (!signatures.some(Boolean)) return Response.json({ error: 'Missing signature' }, { status: 401 });

  // The faults are here and below: text() decodes, which changes bytes that are no UTF-8, and JSON.parse throws.
  const body = await request.text();
  const expected = createHmac('sha256', process.env.ARCADE_SIGNING_SECRET).update(body).digest('base64');
  if (!signatures.includes(expected)) return Response.json({ error: 'Invalid signature' }, { status: 403 });

  const event = JSON.parse(body);
  console.error('form:', event);
  return Response.json({ success: true });
}
