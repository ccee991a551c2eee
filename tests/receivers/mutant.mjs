/** `node mutant.mjs PROVIDER NAME`: a receiver with the one defect that `mutants.mjs` has under that name. */
import { createServer } from 'node:http';

import { BodyTooLargeError, isCutOff } from './body.mjs';
import { MUTANTS } from './mutants.mjs';
import { report, serve } from './protocol.mjs';

const [provider, name] = process.argv.slice(2);
const Mutant = MUTANTS[provider]?.[name];
if (Mutant === undefined) {
  const names = Object.entries(MUTANTS).flatMap(([of, mutants]) => Object.keys(mutants).map((each) => `${of} ${each}`));
  console.error(`unknown mutant; there are:\n${names.join('\n')}`);
  process.exit(2);
}
const receiver = new Mutant();
receiver.start();

const server = createServer(async (req, res) => {
  if (req.method === 'GET' && req.url === '/count') {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ count: receiver.count }));
    return;
  }
  let answer;
  let body = null;
  try {
    ({ answer, body } = await receiver.receive(req));
  } catch (error) {
    if (isCutOff(req)) return;
    answer = { status: error instanceof BodyTooLargeError ? 413 : 500, text: 'Internal Server Error' };
    if (answer.status === 500) console.error(error);
  }
  report({ status: answer.status, event: answer.event ?? null, id: answer.id ?? null }, body);
  res.setHeader('Date', new Date(receiver.now()).toUTCString());
  res.writeHead(answer.status, { 'Content-Type': 'text/plain; charset=utf-8', ...answer.headers });
  res.end(answer.text ?? '');
});

serve(server, receiver.path);
