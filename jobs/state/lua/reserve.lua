-- Generic cell rate algorithm on the server's clock. ARGV: prefix, name, interval in ms, burst.
-- Answers 0 where the call may go out now, else the ms to wait.
local key = ARGV[1] .. ':rate:' .. ARGV[2]
local interval, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local arrival = math.max(tonumber(redis.call('GET', key) or now), now)
local wait = arrival - now - interval * (burst - 1)
if wait > 0 then return wait end
redis.call('SET', key, arrival + interval, 'PX', math.ceil(arrival + interval - now) + 1000)
return 0
