-- Renews the lease of a lane. ARGV: prefix, lane, token, lease in ms. Answers 1, or 0 where it is not held under the token.
local prefix, lane, token, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function key(name) return prefix .. ':' .. name end
if redis.call('HGET', key('leases:outbox'), lane) ~= token then return 0 end
local time = redis.call('TIME')
redis.call('ZADD', key('outbox'), 'XX', time[1] * 1000 + math.floor(time[2] / 1000) + lease, lane)
return 1
