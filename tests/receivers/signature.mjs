/**
 * The two vendors' signatures, as their pages document them. Nothing here throws on what a stranger sends:
 * a signature that is not well formed is simply not valid.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

// Lower case only, and anchored: Buffer.from(text, 'hex') would stop silently at the first bad digit.
const HEX_SHA256 = /^[0-9a-f]{64}$/;
// 32 bytes in standard, padded base64.
const BASE64_SHA256 = /^[A-Za-z0-9+/]{43}=$/;

/**
 * Arky: hex HMAC-SHA256 over `${timestamp}.` and the raw body.
 *
 * @param {string} secret
 * @param {{signature: string, timestamp: string}} headers the header texts, not trimmed or converted further
 * @param {Uint8Array} body the bytes as they came
 * @returns {boolean}
 */
export function isValidArky(secret, { signature, timestamp }, body) {
  if (!HEX_SHA256.test(signature)) return false;
  const expected = createHmac('sha256', secret)
    // Node reads header bytes as Latin-1; writing them back the same way signs the bytes that were sent.
    .update(timestamp, 'latin1')
    .update('.')
    .update(body)
    .digest();
  // timingSafeEqual throws on unequal lengths: the pattern above has made sure of 32 bytes.
  return timingSafeEqual(Buffer.from(signature, 'hex'), expected);
}

/**
 * Arcade: base64 HMAC-SHA256 over the raw body. Either of two signatures may match, so that a secret can be rotated.
 *
 * @param {string} secret
 * @param {string[]} signatures
 * @param {Uint8Array} body the bytes as they came
 * @returns {boolean}
 */
export function isValidArcade(secret, signatures, body) {
  const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('base64'), 'latin1');
  // The texts are compared, not what they decode to: several base64 texts decode to the same 32 bytes.
  return signatures.some(
    (signature) => BASE64_SHA256.test(signature) && timingSafeEqual(Buffer.from(signature, 'latin1'), expected),
  );
}

/**
 * The first value of a header that may have been repeated. Both node:http and the Web's Headers hand out repeats as
 * one text joined by commas, which neither hex nor base64 contains.
 *
 * @param {string | null | undefined} header
 * @returns {string} empty when the header is absent
 */
export function firstValue(header) {
  return (header ?? '').split(',', 1)[0].trim();
}
