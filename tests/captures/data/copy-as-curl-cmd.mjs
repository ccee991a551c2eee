// Writes a request as Chrome's "Copy as cURL (cmd)" does, in one of its three generations. The rules, after
// NetworkLogView.ts of the DevTools front end:
//   backslashes and quotes get a backslash; then every character but letters, digits, white space and a few signs
//   gets a caret; a percent sign before a letter, digit or underscore gets a caret behind it; a line end becomes a
//   caret and two line feeds. "quoted": in plain quotes, or ^" where there is a line end. "always": in ^" always.
//   "printable": also, every character beyond printable ASCII becomes a space.
// Reads {generation, url, headers, body} as JSON on standard input, one line each; writes JSON strings.
import { createInterface } from 'node:readline';

const PLAIN = {
  quoted: /[a-zA-Z0-9\s_\-:=+~'/.',?;()*`&]/,
  always: /[a-zA-Z0-9\s_\-:=+~'/.',?;()*`]/,
  printable: /[a-zA-Z0-9\s_\-:=+~'/.',?;*]/,
};

function escape(text, generation) {
  let out = '';
  const doubled = [...text].flatMap((c) => (c === '\\' || c === '"' ? ['\\', c] : [c]));
  doubled.forEach((c, i) => {
    if (c === '\n') {
      out += '^\n\n';
    } else if (c === '\r' && (generation === 'printable' || doubled[i + 1] === '\n')) {
      out += doubled[i + 1] === '\n' ? '' : '^\n\n';
    } else {
      const written = generation === 'printable' && (c < ' ' || c > '~') ? ' ' : c;
      out += PLAIN[generation].test(c) ? written : `^${written}`;
      if (c === '%' && /[a-zA-Z0-9_]/.test(doubled[i + 1] ?? '')) out += '^';
    }
  });
  const quote = generation === 'quoted' && !/[\r\n]/.test(text) ? '"' : '^"';
  return quote + out + quote;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { generation, url, headers, body } = JSON.parse(line);
  const words = [escape(url, generation).replace(/[[{}\]]/g, '\\$&')];
  for (const [name, value] of headers) {
    words.push(`-H ${escape(value.trim() ? `${name}: ${value}` : `${name};`, generation)}`);
  }
  words.push(`--data-raw ${escape(body, generation)}`, '--compressed');
  console.log(JSON.stringify(`curl ${words.join(' ^\n  ')}`));
}
