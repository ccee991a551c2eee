/**
 * What a receiver makes of one delivery, once it has the header texts and the raw bytes. The programs beside this
 * file differ only in how they get hold of those two.
 *
 * @typedef {{status: number, event: string | null, id: string | null}} Outcome
 */
import { firstValue, isValidArcade, isValidArky } from './signature.mjs';

/**
 * @param {{secret: string, maxAgeS: number | null}} settings
 * @returns {(headers: {signature?: string | null, timestamp?: string | null}, body: Uint8Array) => Outcome}
 */
export function arkyInbox({ secret, maxAgeS }) {
  const seenIds = new Set();

  return ({ signature, timestamp }, body) => {
    if (!signature || !timestamp) return refusal(401);
    // A repeated Arky header arrives comma-joined and so is refused: which of the two was meant is not ours to guess.
    if (!isValidArky(secret, { signature, timestamp }, body)) return refusal(401);
    if (maxAgeS !== null && !isFresh(timestamp, maxAgeS)) return refusal(401);

    // Only now is the body parsed: until the signature holds, it is a stranger's text.
    const envelope = parseObject(body);
    if (envelope === null) return refusal(400);

    const event = textOrNull(envelope.event);
    const id = textOrNull(envelope.id);
    // Looked up and added in one go, with no await between: two deliveries of one id at a time cannot both be first.
    if (id !== null && seenIds.has(id)) console.error(`duplicate ignored: ${JSON.stringify(id)}`);
    else if (id !== null) seenIds.add(id);
    // No list of known events: vendors add new ones, and anything but 2xx would make them try again.
    return { status: 200, event, id };
  };
}

/**
 * @param {{secret: string}} settings
 * @returns {(headers: {signature?: string | null, signature2?: string | null}, body: Uint8Array) => Outcome}
 */
export function arcadeInbox({ secret }) {
  return (headers, body) => {
    const signatures = [headers.signature, headers.signature2].map(firstValue).filter((text) => text !== '');
    if (signatures.length === 0) return refusal(401);
    if (!isValidArcade(secret, signatures, body)) return refusal(403);

    const envelope = parseObject(body);
    if (envelope === null) return refusal(400);
    // Arcade sends no event id.
    return { status: 200, event: textOrNull(envelope.type), id: null };
  };
}

/**
 * A delivery that was not taken, and of which nothing is believed.
 *
 * @param {number} status
 * @returns {Outcome}
 */
export function refusal(status) {
  return { status, event: null, id: null };
}

function isFresh(timestamp, maxAgeS) {
  // Digits only: Number() and parseInt() also take '1e9', ' 1', '' or '1.junk', and NaN passes every `>` test.
  if (!/^[0-9]{1,15}$/.test(timestamp)) return false;
  return Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) <= maxAgeS;
}

function parseObject(body) {
  try {
    // Strict on purpose: the default would turn bad UTF-8 into U+FFFD and drop a byte order mark without a word.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function textOrNull(value) {
  return typeof value === 'string' && value !== '' ? value : null;
}
