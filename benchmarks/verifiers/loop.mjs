// The same in Node.js: lines cut from the chunks of a stream, which is faster than readline, and written in batches.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'

const secret = process.env.ARKY_WEBHOOK_SECRET
const file = process.argv[2]

let number = 0
function verdict(line) {
  number += 1
  const record = JSON.parse(line)
  const headers = {}
  for (const [name, value] of record.headers) headers[name.toLowerCase()] = value
  const expected = createHmac('sha256', secret).update(`${headers['x-arky-timestamp']}.${record.body}`).digest('hex')
  const given = headers['x-arky-signature']
  const payload = JSON.parse(record.body)
  const valid = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  return JSON.stringify({ source: `${file}:${number}`, event: payload.event, event_id: payload.id, valid }) + '\n'
}

let rest = ''
for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  if (!process.stdout.write(lines.map(verdict).join(''))) await new Promise((done) => process.stdout.once('drain', done))
}
if (rest) process.stdout.write(verdict(rest))
