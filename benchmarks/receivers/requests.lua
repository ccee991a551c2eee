-- Sends the requests of a file in turn, from the first again after the last: `wrk -s requests.lua URL -- FILE`.
-- In the file, eight digits before each request say how many bytes it has. The counts are printed as one JSON line.

local messages = {}
local number = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read(8)
    if not length then break end
    messages[#messages + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  number = number % #messages + 1
  return messages[number]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "refused": %d, "failed": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
