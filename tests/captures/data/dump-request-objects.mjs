// A Node server that prints each request it gets as JSON, as programs log requests. Its first line is its port.

import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const raw = Buffer.concat(pieces);
  const { headers, rawHeaders, method, url, httpVersion } = request;
  const base = { method, url, httpVersion };
  console.log(
    JSON.stringify([
      { ...base, headers, body: raw },
      { ...base, headers, body: raw.toString("base64"), isBase64Encoded: true },
      { ...base, headers, body: raw.toString("latin1") },
      { ...base, rawHeaders, body: raw.toString() },
      { ...base, headers: [...new Headers(headers)], rawBody: raw, body: { parsed: true } },
    ]),
  );
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
