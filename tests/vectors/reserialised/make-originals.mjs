// Prints the bodies that the programs beside this one write again: `node make-originals.mjs > originals.json`.
//
// The first are documented events as JSON.stringify writes them, the others each hold one thing that encoders differ in.

import { readFileSync } from "node:fs";

const originals = {};

for (const event of ["arky/events/order.created", "arky/events/user.registered", "arcade/events/formSubmission.created"]) {
  const file = new URL(`../../../fixtures/${event}.json`, import.meta.url);
  originals[event.split("/").at(-1)] = JSON.stringify(JSON.parse(readFileSync(file, "utf8")));
}

Object.assign(originals, {
  "text of every plane": JSON.stringify({ "grüße": "Zoë 日本 🦊", "ﬀ": "\uffff\ufeff", "🦊": "é" }),
  "slashes and HTML": JSON.stringify({ url: "https://example.com/a?b=1&c=<d>'e'+`f`/", "a/b": "</script>" }),
  "line separators": JSON.stringify({ text: "a\u2028b\u2029c\u0085d\u00a0e\u200bf\u00adg\u2060h\ufff9i" }),
  "quotes and backslashes": JSON.stringify({ 'a"b': "c\\d\"e\\\\/f", path: "C:\\temp\\new" }),
  "control characters": JSON.stringify({
    low: Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("-"),
    "del\u007f": "\u007f\u0080\u009f",
  }),
  "empty containers": '{"object":{},"array":[],"deep":[[],{},[[]],{"a":{}}],"text":"","nothing":null,"yes":true,"no":false}',
  "nested arrays": '[[1,2,[3]],{"a":[{"b":1},{"c":[]}]},"x"]',
  "a lone number": "7",
  "a lone text": '"é"',
  "an empty object": "{}",
  "keys that look like numbers": '{"10":1,"2":2,"b":3,"01":4,"-1":5,"a":6,"4294967295":7,"4294967294":8}',
  "keys in no order": '{"b":{"d":1,"c":2},"a":[{"z":1,"y":2}],"B":3,"é":4,"_":5,"ﬀ":6,"🦊":7,"":8}',
  "keys that count up": '{"0":"a","1":"b"}',
  "prices": '{"price":29.99,"tax":0.1,"total":32.989,"sum":0.30000000000000004}',
  "whole numbers as fractions": '{"a":1.0,"b":10.0,"c":-2.0,"d":0.0,"e":100000.0,"f":1.50}',
  "exponents": '{"a":1e3,"b":1E3,"c":1.5e+3,"d":25e-1,"e":1e0}',
  "negative zero": '{"a":-0,"b":-0.0}',
  "large powers": '[1e6,1e7,12345678.5,1e15,1e16,1e17,1e18,1e19,1e20,1e21,1e22,1.5e21,1e25,1.25e100,1e300]',
  "small powers": '[0.1,0.01,0.001,0.0001,0.00001,0.000001,1e-7,1.5e-7,1.25e-10,1e-100,5e-324]',
  "many digits": '[0.1234567890123456789,123456789012345.6789,1234567890123456.7,12345678901234567.8]',
  "large integers": '[9007199254740991,9007199254740993,-9007199254740993,1704067200000]',
  "integers beyond 64 bits": '[9223372036854775807,9223372036854775808,18446744073709551615,18446744073709551616,12345678901234567890,123456789012345678901234567890]',
  "a number beyond a double": '{"a":1e400}',
  "a lone surrogate": '{"a":"x\\ud83dy","b":"\\udd8a"}',
});

const lines = Object.entries(originals).map(([name, body]) => `  ${JSON.stringify({ name, body })}`);
process.stdout.write(`[\n${lines.join(",\n")}\n]\n`);
