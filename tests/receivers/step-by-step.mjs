/**
 * A correct receiver of each vendor, cut into the steps in which real ones go wrong: a mutant in `mutants.mjs` replaces
 * one step and is otherwise right. These two also act on each delivery once and count what they did, so that it can be
 * seen from outside.
 *
 * @typedef {{status: number, headers?: Record<string, string>, text?: string, event?: string, id?: string}} Answer
 * @typedef {{signatures: string[], timestamp?: string}} Fields what the headers say, as text
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { MAX_BODY_BYTES, bodyStream } from './body.mjs';
import { secretFromEnv } from './protocol.mjs';
import { firstValue } from './signature.mjs';

const MAX_AGE_S = 300;

class Receiver {
  limitBytes = MAX_BODY_BYTES;
  /** How many deliveries a handler has acted on. */
  count = 0;
  seen = new Set();
  keys = [];

  start() {
    this.keys = this.secrets();
  }

  /** @returns {string[]} any of which may have signed */
  secrets() {
    return [secretFromEnv(this.secretVariable)];
  }

  /**
   * Takes one request through the steps.
   *
   * @param {import('node:http').IncomingMessage} req
   * @returns {Promise<{answer: Answer, body: Buffer | null}>}
   */
  async receive(req) {
    const early = await this.intercept(req);
    if (early !== null) return { answer: early, body: null };
    const body = await this.read(req);
    return { answer: await this.decide(req, body), body };
  }

  async decide(req, body) {
    if (!this.isHere(req)) return { status: 404 };
    if (!this.takesMethod(req.method)) return { status: 405, headers: { Allow: 'POST' } };
    if (body === null) return { status: 413 };
    const fields = this.fields(req, body);
    const status = await this.verify(fields, body);
    if (status !== null) return this.refuse(status, { req, fields, body });

    const envelope = this.parse(body);
    if (envelope === null) return this.refuse(400, { req, fields, body });
    const key = this.keyOf(envelope, body);
    const answer = key === null || (await this.isFirst(key)) ? await this.act(envelope) : this.repeat();
    if (answer.status !== 200) return answer;
    return { ...answer, event: textOrNull(envelope[this.typeField]), id: textOrNull(envelope.id) };
  }

  /** What stands before the program: proxies, limits, pages of another make. @returns {Answer | null} */
  intercept() {
    return null;
  }

  isHere(req) {
    return req.url.split('?', 1)[0] === this.path;
  }

  takesMethod(method) {
    return method === 'POST';
  }

  /** @returns {Promise<Buffer | null>} null when it is too large */
  async read(req) {
    const body = await buffer(bodyStream(req));
    return body.length > this.limitBytes ? null : body;
  }

  /** @returns {number | null} the status to refuse with; null when the delivery is genuine */
  verify(fields, body) {
    if (!this.isComplete(fields)) return 401;
    return this.isSigned(fields, body) && this.isFresh(fields, body) ? null : this.mismatchStatus;
  }

  isSigned(fields, body) {
    const expected = this.expected(fields, body);
    return fields.signatures.some((given) => expected.some((text) => this.isSame(given, text)));
  }

  expected(fields, body) {
    return this.keys.map((key) => createHmac('sha256', key).update(this.signed(fields, body)).digest(this.encoding));
  }

  /** Compares the texts, not what they decode to. */
  isSame(given, expected) {
    const [a, b] = [given, expected].map((text) => Buffer.from(text, 'latin1'));
    return a.length === b.length && timingSafeEqual(a, b);
  }

  /** @returns {number} milliseconds since 1970 */
  now() {
    return Date.now();
  }

  parse(body) {
    try {
      const value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
    } catch {
      return null;
    }
  }

  /** Looked up and added in one go, with no await between: two deliveries at a time cannot both be first. */
  async isFirst(key) {
    const before = this.seen.size;
    return this.seen.add(key).size > before;
  }

  /** The handlers: events without one are accepted all the same. @returns {Answer | Promise<Answer>} */
  act(envelope) {
    if (this.isKnown(envelope)) this.count += 1;
    return { status: 200 };
  }

  isKnown(envelope) {
    return this.knownEvents.test(envelope[this.typeField]);
  }

  /** @returns {Answer} to a delivery that came before */
  repeat() {
    return { status: 200 };
  }

  /** @returns {Answer} */
  refuse(status) {
    return { status, text: STATUS_CODES[status] };
  }
}

export class ArkyReceiver extends Receiver {
  path = '/api/webhooks/arky';
  secretVariable = 'ARKY_WEBHOOK_SECRET';
  encoding = 'hex';
  mismatchStatus = 401;
  typeField = 'event';
  knownEvents = /^(order|reservation|user|node|email)\.[a-z]+$/;

  /** @returns {Fields} */
  fields(req) {
    return { signatures: [req.headers['x-arky-signature'] ?? ''], timestamp: req.headers['x-arky-timestamp'] };
  }

  isComplete({ signatures, timestamp }) {
    return signatures.some((text) => text !== '') && Boolean(timestamp);
  }

  signed({ timestamp }, body) {
    return Buffer.concat([Buffer.from(`${timestamp}.`, 'latin1'), body]);
  }

  isFresh({ timestamp }) {
    return /^[0-9]{1,15}$/.test(timestamp) && Math.abs(this.nowS() - Number(timestamp)) <= MAX_AGE_S;
  }

  nowS() {
    return Math.floor(this.now() / 1000);
  }

  keyOf(envelope) {
    return textOrNull(envelope.id);
  }
}

export class ArcadeReceiver extends Receiver {
  path = '/webhooks/arcade';
  secretVariable = 'ARCADE_SIGNING_SECRET';
  encoding = 'base64';
  mismatchStatus = 403;
  typeField = 'type';
  knownEvents = /^formSubmission\.(created|updated)$/;

  /** @returns {Fields} */
  fields(req) {
    return { signatures: ['x-arcade-signature', 'x-arcade-signature-2'].map((name) => firstValue(req.headers[name])) };
  }

  isComplete({ signatures }) {
    return signatures.some((text) => text !== '');
  }

  signed(_fields, body) {
    return body;
  }

  /** There is no signed time but the body's, and the page says nothing of its age. */
  isFresh() {
    return true;
  }

  /** Arcade sends no id. */
  keyOf(_envelope, body) {
    return createHash('sha256').update(body).digest('hex');
  }
}

function textOrNull(value) {
  return typeof value === 'string' && value !== '' ? value : null;
}
