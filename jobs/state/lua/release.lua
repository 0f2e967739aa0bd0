-- Gives a lane back. ARGV: prefix, lane, token, pause in ms before its next turn. Answers 1, or 0 where the lease was lost.
local prefix, lane, token, pause = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function key(name) return prefix .. ':' .. name end
if redis.call('HGET', key('leases:outbox'), lane) ~= token then return 0 end
redis.call('HDEL', key('leases:outbox'), lane)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if pause > 0 or redis.call('ZCARD', key('lane:' .. lane)) > 0 then
  redis.call('ZADD', key('outbox'), now + pause, lane)
else
  redis.call('ZREM', key('outbox'), lane)
end
return 1
