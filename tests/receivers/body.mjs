/** Request bodies as bytes, with an upper bound. */

export const MAX_BODY_BYTES = 2 * 1024 * 1024;

/**
 * Whether the sender hung up in mid-request, so that there is nobody to answer. `complete` alone does not tell: it is
 * false as well while nobody has read the body.
 *
 * @param {import('node:http').IncomingMessage} req
 * @returns {boolean}
 */
export function isCutOff(req) {
  return req.destroyed && !req.complete;
}

export class BodyTooLargeError extends Error {
  name = 'BodyTooLargeError';
}

/**
 * The body of a node:http request as a Web stream of its bytes, untouched.
 *
 * A body over the limit is still read to its end, and thrown away, before the stream fails: a sender that is cut off
 * in mid-upload sees a broken connection instead of the 413.
 *
 * @param {import('node:http').IncomingMessage} req
 * @returns {ReadableStream<Uint8Array>}
 */
export function bodyStream(req) {
  let sizeBytes = 0;
  let wanted = true;
  return new ReadableStream({
    start(controller) {
      req.on('data', (chunk) => {
        sizeBytes += chunk.length;
        if (wanted && sizeBytes <= MAX_BODY_BYTES) controller.enqueue(chunk);
      });
      req.on('end', () => {
        if (!wanted) return;
        if (sizeBytes <= MAX_BODY_BYTES) controller.close();
        else controller.error(new BodyTooLargeError(`body over ${MAX_BODY_BYTES} bytes`));
      });
      req.on('error', (error) => controller.error(error));
    },
    cancel() {
      // The handler lost interest; the bytes are still drained, or the next request on the connection would wait.
      wanted = false;
    },
  });
}
