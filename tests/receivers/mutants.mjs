/**
 * Receivers with one defect each. Every entry makes, from a correct receiver of `step-by-step.mjs`, the class that gets
 * one step wrong, in the way that it is got wrong in the field.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { ArcadeReceiver, ArkyReceiver } from './step-by-step.mjs';

const RACE_WINDOW_MS = 50;
const DEFAULT_SLEEP_S = 6;
const DEFAULT_RATE_LIMIT = 10;
const PARDONED_REFUSALS = 5;
/** What belongs into the log, shown to the sender. */
const STACK = new Error('signature mismatch').stack;

/** Either vendor's. */
const both = {
  // None: the positive control of everything below.
  deduping: (Base) => Base,

  // -- signatures

  'no-verification': (Base) =>
    class extends Base {
      verify() {
        return null;
      }
    },

  // Looks at the form of a signature, never at its value.
  'form-only': (Base) =>
    class extends Base {
      isSame(given, expected) {
        const isWellFormed = Buffer.from(given, this.encoding).toString(this.encoding) === given;
        return isWellFormed && given.length === expected.length;
      }
    },

  // "If there is a signature, it must be right."
  'signature-optional': (Base) =>
    class extends Base {
      verify(fields, body) {
        return fields.signatures.some((text) => text !== '') ? super.verify(fields, body) : null;
      }
    },

  // Compares as many characters as were sent.
  'prefix-compare': (Base) =>
    class extends Base {
      isSame(given, expected) {
        return given !== '' && expected.startsWith(given);
      }
    },

  // Verifies what JSON.parse and JSON.stringify have made of the body, as behind express.json().
  reserialising: (Base) =>
    class extends Base {
      verify(fields, body) {
        const envelope = this.parse(body);
        return envelope === null ? 400 : super.verify(fields, Buffer.from(JSON.stringify(envelope)));
      }
    },

  'trims-body': (Base) =>
    class extends Base {
      signed(fields, body) {
        return super.signed(fields, Buffer.from(body.toString('latin1').trim(), 'latin1'));
      }
    },

  // Decodes the body as Latin-1; the HMAC is then over that text in UTF-8.
  'latin1-body': (Base) =>
    class extends Base {
      signed(fields, body) {
        return super.signed(fields, Buffer.from(body.toString('latin1'), 'utf8'));
      }
    },

  // -- secrets

  // A misspelt variable is no variable.
  'empty-secret': (Base) =>
    class extends Base {
      secrets() {
        return [process.env.WEBHOOK_SECERT ?? ''];
      }
    },

  // Ready for a rotation, of which there is none at the moment.
  'empty-previous-secret': (Base) =>
    class extends Base {
      secrets() {
        return [...super.secrets(), process.env.WEBHOOK_SECRET_BEFORE_ROTATION ?? ''];
      }
    },

  'secret-trimmed': (Base) =>
    class extends Base {
      secrets() {
        return super.secrets().map((secret) => secret.trim());
      }
    },

  'secret-unprefixed': (Base) =>
    class extends Base {
      secrets() {
        return super.secrets().map((secret) => secret.replace(/^whsec_/, ''));
      }
    },

  // As Standard Webhooks has it.
  'secret-decoded': (Base) =>
    class extends Base {
      secrets() {
        return super.secrets().map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
      }
    },

  // -- headers

  // Decides by the spelling that the first delivery happened to have.
  'case-sensitive-header': (Base) =>
    class extends Base {
      fields(req) {
        const headers = {};
        for (let i = 0; i < req.rawHeaders.length; i += 2) headers[req.rawHeaders[i]] = req.rawHeaders[i + 1];
        return super.fields({ headers });
      }
    },

  // Another convention's header goes first.
  'generic-signature-header': (Base) =>
    class extends Base {
      fields(req) {
        const fields = super.fields(req);
        return req.headers.signature === undefined ? fields : { ...fields, signatures: [req.headers.signature] };
      }
    },

  'charset-strict': (Base) =>
    class extends Base {
      intercept(req) {
        const isJson = req.headers['content-type'] === 'application/json';
        return req.method === 'POST' && !isJson ? { status: 415 } : null;
      }
    },

  // -- bodies

  'limit-16k': (Base) =>
    class extends Base {
      limitBytes = 16 * 1024;
    },

  // Reads as much as Content-Length says, and a chunked request says nothing.
  'chunked-blind': (Base) =>
    class extends Base {
      async read(req) {
        return (await super.read(req)).subarray(0, Number(req.headers['content-length'] ?? 0));
      }
    },

  'unguarded-parse': (Base) =>
    class extends Base {
      parse(body) {
        return JSON.parse(body.toString());
      }
    },

  // -- answers

  'always-200': (Base) =>
    class extends Base {
      intercept() {
        return { status: 200, text: 'OK' };
      }
    },

  'always-500': (Base) =>
    class extends Base {
      intercept() {
        return { status: 500, text: 'Internal Server Error' };
      }
    },

  // A framework that wants its trailing slash.
  'redirect-301': (Base) =>
    class extends Base {
      intercept(req) {
        return super.isHere(req) ? { status: 301, headers: { Location: `${this.path}/` } } : null;
      }

      isHere(req) {
        return req.url === `${this.path}/`;
      }
    },

  slow: (Base) =>
    class extends Base {
      async intercept() {
        await sleep(Number(process.env.RECEIVER_SLEEP_S || DEFAULT_SLEEP_S) * 1000);
        return null;
      }
    },

  'wrong-status': (Base) =>
    class extends Base {
      refuse() {
        return super.refuse(400);
      }
    },

  'html-error-page': (Base) =>
    class extends Base {
      refuse() {
        return { status: 500, headers: { 'Content-Type': 'text/html' }, text: `<h1>Error</h1><pre>${STACK}</pre>` };
      }
    },

  // Whoever is not let in is sent to log in.
  'login-redirect': (Base) =>
    class extends Base {
      refuse() {
        return { status: 302, headers: { Location: '/login' } };
      }
    },

  'leaks-stack': (Base) =>
    class extends Base {
      refuse(status) {
        return { status, text: STACK };
      }
    },

  'leaks-expected': (Base) =>
    class extends Base {
      refuse(status, { fields, body }) {
        return { status, text: JSON.stringify({ error: 'bad signature', expected: this.expected(fields, body)[0] }) };
      }
    },

  // What a report must survive: a terminal's, XML's, HTML's and a CI log's own characters.
  'hostile-text': (Base) =>
    class extends Base {
      refuse() {
        const text = '\u001b[2J\u0000\u0007\u009b31m\u202e\ufffe]]>&<script>alert(1)</script>\n::error::injected\r\n';
        return { status: 400, text };
      }
    },

  'crash-on-short-signature': (Base) =>
    class extends Base {
      isSame(given, expected) {
        if (given !== '' && given.length < expected.length) {
          // Thrown in a callback, which nobody catches.
          console.error(new RangeError('Input buffers must have the same byte length'));
          process.exit(1);
        }
        return super.isSame(given, expected);
      }
    },

  // A promise that nothing settles.
  'hangs-on-short-signature': (Base) =>
    class extends Base {
      async verify(fields, body) {
        const [expected] = this.expected(fields, body);
        if (fields.signatures.some((text) => text !== '' && text.length < expected.length)) await new Promise(() => {});
        return super.verify(fields, body);
      }
    },

  'unknown-event-400': (Base) =>
    class extends Base {
      act(envelope) {
        return this.isKnown(envelope) ? super.act(envelope) : { status: 400, text: 'unknown event' };
      }
    },

  // -- methods

  'method-blind': (Base) =>
    class extends Base {
      takesMethod() {
        return true;
      }
    },

  // "The webhook is up", to whoever looks with a browser.
  'get-200': (Base) =>
    class extends Base {
      intercept(req) {
        return req.method === 'GET' ? { status: 200, text: 'The webhook is up.' } : null;
      }
    },

  // -- repeats

  'no-dedupe': (Base) =>
    class extends Base {
      async isFirst() {
        return true;
      }
    },

  // A look-up, then an insert, each a journey to a database.
  'check-then-insert': (Base) =>
    class extends Base {
      async isFirst(key) {
        if (this.seen.has(key)) return false;
        await sleep(RACE_WINDOW_MS);
        this.seen.add(key);
        return true;
      }
    },

  'dup-409': (Base) =>
    class extends Base {
      repeat() {
        return { status: 409, text: 'already processed' };
      }
    },

  // -- connections

  // One refusal, and whatever comes over that connection is refused.
  'keepalive-broken': (Base) =>
    class extends Base {
      intercept({ socket }) {
        return socket.isBanned ? { status: 401, text: 'banned' } : null;
      }

      refuse(status, { req }) {
        req.socket.isBanned = true;
        return super.refuse(status);
      }
    },

  // -- what stands before a receiver

  'rate-limited': (Base) =>
    class extends Base {
      requests = 0;

      intercept() {
        this.requests += 1;
        const isOver = this.requests > Number(process.env.RECEIVER_RATE_LIMIT || DEFAULT_RATE_LIMIT);
        return isOver ? { status: 429, headers: { 'Retry-After': '60' } } : null;
      }
    },

  // After some refusals, everything from there is refused.
  'bans-sender': (Base) =>
    class extends Base {
      refusals = 0;

      intercept() {
        return this.refusals >= PARDONED_REFUSALS ? { status: 403, text: 'Forbidden' } : null;
      }

      refuse(status) {
        this.refusals += 1;
        return super.refuse(status);
      }
    },

  maintenance: (Base) =>
    class extends Base {
      intercept() {
        return { status: 503, headers: { 'Retry-After': '3600' }, text: 'Down for maintenance' };
      }
    },

  waf: (Base) =>
    class extends Base {
      intercept() {
        return firewallPage();
      }
    },

  // Lets through what looks like everyday traffic.
  'waf-rules': (Base) =>
    class extends Base {
      intercept(req) {
        const isOdd = req.rawHeaders.some((text) => /[^ -~]/.test(text));
        return isOdd || Number(req.headers['content-length'] ?? 0) > 64 * 1024 ? firewallPage() : null;
      }
    },
};

/** Arky's only: its signature is hexadecimal, its timestamp a header. */
const arky = {
  'no-timestamp-check': (Base) =>
    class extends Base {
      isFresh() {
        return true;
      }
    },

  // parseInt stops at the first thing that is no digit.
  'parseint-timestamp': (Base) =>
    class extends Base {
      isFresh({ timestamp }) {
        return Math.abs(this.nowS() - Number.parseInt(timestamp, 10)) <= 300;
      }
    },

  // NaN is never greater than anything.
  'nan-timestamp': (Base) =>
    class extends Base {
      isFresh({ timestamp }) {
        return !(Math.abs(this.nowS() - Number(timestamp)) > 300);
      }
    },

  // Forgets that a difference has a sign.
  'future-timestamp': (Base) =>
    class extends Base {
      isFresh({ timestamp }) {
        return /^[0-9]{1,15}$/.test(timestamp) && this.nowS() - Number(timestamp) <= 300;
      }
    },

  // Without a timestamp the signature is over `undefined.` and the body, and there is no age to check.
  'coerced-timestamp': (Base) =>
    class extends Base {
      isComplete({ signatures }) {
        return signatures[0] !== '';
      }

      isFresh(fields) {
        return fields.timestamp === undefined || super.isFresh(fields);
      }
    },

  // The body says the time as well, so why look at the header.
  'timestamp-from-body': (Base) =>
    class extends Base {
      fields(req, body) {
        return { ...super.fields(req), timestamp: String(this.parse(body)?.timestamp ?? '') };
      }
    },

  // A signature over the body alone will do as well.
  'timestamp-not-signed': (Base) =>
    class extends Base {
      expected(fields, body) {
        const overBody = this.keys.map((key) => createHmac('sha256', key).update(body).digest('hex'));
        return [...super.expected(fields, body), ...overBody];
      }
    },

  // What `--diagnose` is to find: signs, or reads the time, otherwise than the page says.
  'body-alone': (Base) =>
    class extends Base {
      signed(_fields, body) {
        return body;
      }
    },

  'timestamp-in-ms': (Base) =>
    class extends Base {
      isFresh({ timestamp }) {
        return /^[0-9]{1,15}$/.test(timestamp) && Math.abs(this.now() - Number(timestamp)) <= 300_000;
      }
    },

  // Right, but a minute ahead of everybody else.
  'clock-ahead': (Base) =>
    class extends Base {
      now() {
        return super.now() + 60_000;
      }
    },

  // Buffer.from stops at the first digit that is none: `zzzz` is no bytes at all, and equal in all of them.
  'hex-truncating': (Base) =>
    class extends Base {
      isSame(given, expected) {
        const [a, b] = [given, expected].map((text) => Buffer.from(text, 'hex'));
        const length = Math.min(a.length, b.length);
        return a.subarray(0, length).equals(b.subarray(0, length));
      }
    },

  // An order must have been paid before it can have been shipped.
  'order-strict': (Base) =>
    class extends Base {
      paid = new Set();

      act(envelope) {
        const id = envelope.data?.order?.id;
        if (envelope.event === 'order.paid') this.paid.add(id);
        if (envelope.event === 'order.shipped' && !this.paid.has(id)) return { status: 422, text: 'not paid yet' };
        return super.act(envelope);
      }
    },
};

/** Arcade's only: its signature is base64, and there may be two. */
const arcade = {
  // Compares bytes: other texts for the same bytes are as good. Lenient, and no forgery.
  'base64-lenient': (Base) =>
    class extends Base {
      isSame(given, expected) {
        return Buffer.from(given, 'base64').equals(Buffer.from(expected, 'base64'));
      }
    },

  'rotation-blind': (Base) =>
    class extends Base {
      fields(req) {
        return { signatures: super.fields(req).signatures.slice(0, 1) };
      }
    },

  // A second signature is taken for a good sign.
  'rotation-any': (Base) =>
    class extends Base {
      isSigned(fields, body) {
        return fields.signatures[1] !== '' || super.isSigned(fields, body);
      }
    },

  // Refuses what it cannot tell from a replay: no defect, and the page does not ask for it.
  'fresh-body': (Base) =>
    class extends Base {
      isFresh(_fields, body) {
        return Math.abs(this.now() - Date.parse(this.parse(body)?.timestamp)) <= 300_000;
      }
    },
};

export const MUTANTS = {
  arky: made(ArkyReceiver, { ...both, ...arky }),
  arcade: made(ArcadeReceiver, { ...both, ...arcade }),
};

function made(Base, mutations) {
  return Object.fromEntries(Object.entries(mutations).map(([name, mutate]) => [name, mutate(Base)]));
}

/** As Cloudflare's looks. */
function firewallPage() {
  const text = '<!DOCTYPE html><title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>';
  const headers = { 'Content-Type': 'text/html; charset=UTF-8', Server: 'cloudflare', 'CF-RAY': '8f3c0a1b2c3d4e5f-FRA' };
  return { status: 403, headers, text };
}
