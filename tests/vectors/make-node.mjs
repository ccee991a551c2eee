// Prints signatures made by node:crypto, as JSON: `node tests/vectors/make-node.mjs > tests/vectors/node.json`.
//
// The documented bodies are the fixtures as JSON.stringify writes them, so they also say how a sample is to be encoded.

import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const fixtures = new URL("../../fixtures/", import.meta.url);
const vectors = [];

function add(name, provider, key, timestamp, body) {
  const bytes = Buffer.from(body);
  const secret = Buffer.from(key);
  const hmac = createHmac("sha256", secret);
  const signature =
    provider === "arky" ? hmac.update(`${timestamp}.`).update(bytes).digest("hex") : hmac.update(bytes).digest("base64");
  vectors.push({
    name,
    provider,
    key_hex: secret.toString("hex"),
    timestamp: provider === "arky" ? timestamp : null,
    body_hex: bytes.toString("hex"),
    signature,
  });
}

function both(name, key, body) {
  add(name, "arky", key, "1704067200", body);
  add(name, "arcade", key, null, body);
}

const key = "node secret, with spaces";

// every sample, documented or not: these are the bodies that are sent
for (const provider of ["arky", "arcade"]) {
  for (const file of readdirSync(new URL(`${provider}/events/`, fixtures)).sort()) {
    const sample = JSON.parse(readFileSync(new URL(`${provider}/events/${file}`, fixtures), "utf8"));
    add(file.replace(/\.json$/, ""), provider, key, String(sample.timestamp), JSON.stringify(sample));
  }
}

both("text of every plane", key, JSON.stringify({ é: "日本 🦊 \u2028 \u202e \u0000 \" \\ /" }));
both("a lone surrogate, which JSON.stringify escapes", key, JSON.stringify({ a: "\ud83d" }));
both("an empty body", key, "");
both("a byte order mark", key, "\ufeff{}");
both("all 256 bytes", key, Uint8Array.from({ length: 256 }, (_, byte) => byte));
both("CRLF, CR and LF", key, '{"a":1}\r\n\r\n\r');
both("a body of 4000 bytes", key, "0123456789".repeat(400));
both("an empty object", key, "{}");

both("a key of all 256 bytes", Uint8Array.from({ length: 256 }, (_, byte) => byte), "{}");
both("a key in UTF-8", "clé 🔑", "{}");
both("a key with a newline at its end", "key\n", "{}");
both("the same without it", "key", "{}");
both("whsec_ is part of the key", "whsec_bm9kZSBzZWNyZXQ=", "{}");
both("the same decoded", Buffer.from("bm9kZSBzZWNyZXQ=", "base64"), "{}");

for (const timestamp of ["0", "00", "9007199254740993", "+1", "1_000", "0x10", "1704067200Z"]) {
  add(`the timestamp '${timestamp}'`, "arky", key, timestamp, "{}");
}

const lines = vectors.map((vector) => `  ${JSON.stringify(vector)}`);
process.stdout.write(`{"made_by": "node tests/vectors/make-node.mjs", "vectors": [\n${lines.join(",\n")}\n]}\n`);
