/**
 * Asks the vendors' own libraries: JSON lines in, one JSON line out for each.
 *
 * In:  {"provider", "headers": [[name, value], ...], "body": base64, "secret"}: a delivery as it arrived.
 * Out: {"valid": true or false, "reason": null or what the library said}.
 *
 * In:  {"sign": true, "provider", "id", "timestamp": seconds, "body": base64, "secret"}.
 * Out: {"headers": [[name, value], ...]}: the signature headers that the library makes.
 *
 * It ends when its standard input does.
 */
import { createInterface } from 'node:readline';

import '@shopify/shopify-api/adapters/node';
import { sign as signGithub, verify as verifyGithub } from '@octokit/webhooks-methods';
import { ApiVersion, LogSeverity, shopifyApi } from '@shopify/shopify-api';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';

const { webhooks } = new Stripe('sk_test_never_sent');

/** Each throws or returns false, or a reason, where it refuses. */
const verifiers = {
  'standard-webhooks': ({ headers, body, secret }) => {
    new Webhook(secret).verify(body.toString(), headers);
    return true;
  },
  github: ({ headers, body, secret }) => verifyGithub(secret, body.toString(), headers['x-hub-signature-256']),
  stripe: ({ headers, body, secret }) => {
    webhooks.constructEvent(body, headers['stripe-signature'], secret);
    return true;
  },
  shopify: async ({ headers, body, secret }) => {
    const shopify = shopifyApi({
      apiKey: 'key',
      apiSecretKey: secret,
      apiVersion: ApiVersion.July26,
      hostName: 'app.example.com',
      isEmbeddedApp: true,
      logger: { level: LogSeverity.Error },
    });
    const rawRequest = { method: 'POST', url: '/webhooks', headers };
    const { valid, reason } = await shopify.webhooks.validate({ rawBody: body.toString(), rawRequest });
    return valid || reason;
  },
};

const signers = {
  'standard-webhooks': ({ id, timestamp, body, secret }) => [
    ['webhook-id', id],
    ['webhook-timestamp', String(timestamp)],
    ['webhook-signature', new Webhook(secret).sign(id, new Date(timestamp * 1000), body.toString())],
  ],
  github: async ({ body, secret }) => [['x-hub-signature-256', await signGithub(secret, body.toString())]],
  stripe: ({ timestamp, body, secret }) => [
    ['stripe-signature', webhooks.generateTestHeaderString({ payload: body.toString(), secret, timestamp })],
  ],
};

/** Of a repeated header the first decides. */
function firstOfEach(lines) {
  const headers = {};
  for (const [name, value] of lines) headers[name.toLowerCase()] ??= value;
  return headers;
}

async function verdict({ provider, headers, body, secret }) {
  const verify = verifiers[provider];
  try {
    const answer = await verify({ headers: firstOfEach(headers), body: Buffer.from(body, 'base64'), secret });
    return { valid: answer === true, reason: answer === true ? null : String(answer) };
  } catch (error) {
    // a library that is broken or used wrongly must not look like one that refuses
    if (error instanceof ReferenceError || error.code === 'ERR_MODULE_NOT_FOUND') throw error;
    return { valid: false, reason: `${error.name}: ${error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const { provider, body } = request;
  const answer = request.sign
    ? { headers: await signers[provider]({ ...request, body: Buffer.from(body, 'base64') }) }
    : await verdict(request);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
