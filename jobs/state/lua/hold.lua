-- Takes over a claimed turn, or renews the lease of who works on it.
-- ARGV: prefix, id, token held until now, token of who works, lease in ms, 1 where the work got further.
-- Answers 1, or 0 where another has it. Asked twice it answers the same.
local prefix, id, held, mine, lease, further = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
local holder = redis.call('HGET', key('leases:due'), id)
if holder ~= held and holder ~= mine then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', key('leases:due'), id, mine)
redis.call('ZADD', key('due'), 'XX', now + tonumber(lease), id)
if further == '1' then redis.call('HDEL', key('attempts'), id) end
return 1
