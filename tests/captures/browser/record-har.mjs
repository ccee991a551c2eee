// Has a page of a real Chromium post signed bodies, and Playwright write what it saw as an HTTP Archive.
//
//   node record-har.mjs CHROMIUM ORIGIN HAR < deliveries.json
//
// CHROMIUM is the browser's path, ORIGIN a server that answers GET / with a page and takes posts, HAR the file to
// write. Deliveries are a list of {path, secret, timestamp, contentType, text} or, with base64 for text, of binary
// bodies. Signatures are made here, by Node: hex HMAC-SHA256 of "<timestamp>.<body>".

import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";

const [executablePath, origin, path] = process.argv.slice(2);

let input = "";
for await (const piece of process.stdin) input += piece;
const deliveries = JSON.parse(input);

const browser = await chromium.launch({
  executablePath,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const context = await browser.newContext({ recordHar: { path, content: "embed", mode: "full" } });
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  for (const { secret, ...delivery } of deliveries) {
    const bytes = Buffer.from(delivery.base64 ?? delivery.text, delivery.base64 === undefined ? "utf8" : "base64");
    const signature = createHmac("sha256", secret).update(`${delivery.timestamp}.`).update(bytes).digest("hex");
    await page.evaluate(
      async ({ path, timestamp, contentType, text, base64, signature }) => {
        const body = base64 === undefined ? text : Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
        const headers = {
          "content-type": contentType,
          "x-arky-timestamp": timestamp,
          "x-arky-signature": signature,
        };
        const response = await fetch(path, { method: "POST", headers, body });
        await response.text();
      },
      { ...delivery, signature },
    );
  }
  await context.close();
} finally {
  await browser.close();
}
