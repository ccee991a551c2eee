// Prints what JavaScript writes again, a JSON line for each: `node make-node.mjs < originals.json > node.jsonl`.

import { readFileSync } from "node:fs";

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

const styles = {
  "JSON.stringify": (value) => JSON.stringify(value),
  "JSON.stringify with 2 spaces": (value) => JSON.stringify(value, null, 2),
  "JSON.stringify with 3 spaces": (value) => JSON.stringify(value, null, 3),
  "JSON.stringify with 4 spaces": (value) => JSON.stringify(value, null, 4),
  "JSON.stringify with tabs": (value) => JSON.stringify(value, null, "\t"),
  "JSON.stringify, keys sorted": (value) => JSON.stringify(sorted(value)),
};

const originals = JSON.parse(readFileSync(0, "utf8"));
for (const [style, write] of Object.entries(styles)) {
  for (const { name, body } of originals) {
    console.log(JSON.stringify({ style, name, text: write(JSON.parse(body)) }));
  }
}
