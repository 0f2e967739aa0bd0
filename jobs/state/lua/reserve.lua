-- Generic cell rate algorithm on the server's clock. ARGV: prefix, name, caller's id, interval in ms, burst.
-- Answers 0 where the call may go out now, else the ms to wait; asked twice by one caller, it takes one cell.
local key = ARGV[1] .. ':rate:' .. ARGV[2]
local caller, interval, burst = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local next_cell, last = string.match(redis.call('GET', key) or '', '^(%S+) ?(%S*)$')
if last == caller then return 0 end
local arrival = math.max(tonumber(next_cell) or now, now)
local wait = arrival - now - interval * (burst - 1)
if wait > 0 then return wait end
redis.call('SET', key, string.format('%d %s', arrival + interval, caller), 'PX', math.ceil(arrival + interval - now) + 1000)
return 0
