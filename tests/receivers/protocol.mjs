/** How a receiver and the test run that started it talk: environment in, lines of JSON out. README.md has the list. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { isIPv6 } from 'node:net';

/**
 * The signing secret, exactly as given. Anyone can sign with an empty key, so without a secret there is no start.
 *
 * @param {string} name environment variable
 * @returns {string}
 */
export function secretFromEnv(name) {
  const secret = process.env[name];
  if (!secret) refuseToStart(`${name} is unset or empty`);
  return secret;
}

/** @returns {number | null} the greatest accepted distance of a timestamp from now, in seconds; null: not checked */
export function maxAgeFromEnv() {
  return wholeNumberFromEnv('RECEIVER_MAX_AGE_S');
}

/**
 * Listens on loopback, announces the URL, and leaves when told to.
 *
 * @param {import('node:http').Server} program its requests come from a TLS server when there is a certificate
 * @param {string} path where deliveries are taken, for the announcement
 */
export function serve(program, path) {
  const { RECEIVER_HOST: host = '127.0.0.1', RECEIVER_TLS_CERT: cert, RECEIVER_TLS_KEY: key } = process.env;
  const server = cert ? tlsServer(program, cert, key) : program;
  process.on('SIGTERM', () => process.exit(0));
  // Nobody reads the records any more: the test run is gone.
  process.stdout.on('error', () => process.exit(0));
  if (process.env.RECEIVER_EXIT_ON_EOF === '1') {
    const leave = () => process.exit(0);
    process.stdin.on('end', leave).on('error', leave).resume();
  }
  // Longer than Node's 5 s: a client that reuses a connection just as the server closes it sees a false failure.
  server.keepAliveTimeout = 30_000;
  server.on('error', (error) => {
    console.error(`cannot listen: ${error.message}`);
    process.exit(1);
  });
  server.listen(wholeNumberFromEnv('PORT') ?? 0, host, () => {
    const origin = `${cert ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${server.address().port}`;
    printLine({ ready: true, url: `${origin}${path}` });
  });
}

/** The same program behind TLS: the other server's requests are handed to it as if they were its own. */
function tlsServer(program, cert, key) {
  const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
  return server.on('request', (req, res) => program.emit('request', req, res));
}

/**
 * Prints the record of one request. Call it before answering: whoever has the answer can then count on the record.
 *
 * @param {import('./inbox.mjs').Outcome} outcome
 * @param {Uint8Array | null} body null when the body was not kept, as when it was too large
 */
export function report({ status, event, id }, body) {
  const digest = body === null ? null : createHash('sha256').update(body).digest('hex');
  printLine({ status, event, id, body_sha256: digest });
}

function wholeNumberFromEnv(name) {
  const text = process.env[name];
  if (!text) return null;
  if (!/^[0-9]{1,9}$/.test(text)) refuseToStart(`${name} is not a whole number: ${JSON.stringify(text)}`);
  return Number(text);
}

function printLine(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function refuseToStart(reason) {
  console.error(`refusing to start: ${reason}`);
  process.exit(2);
}
