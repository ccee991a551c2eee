// Appends every request to the file named on the command line, written by hand from rawHeaders and the raw body,
// the way servers' own dumps are made. Says its port on the first line of standard output; ends with its input.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [file] = process.argv.slice(2);

const server = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    let head = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      head += `${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`;
    }
    appendFileSync(file, Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), ...pieces]));
    if (request.url.startsWith('/away')) {
      response.writeHead(302, { location: '/there' }).end();
    } else {
      response.end('taken');
    }
  });
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
