-- Lets a posting of its own lane go out later, unless it is taken back until then; asked again it is put off.
-- ARGV: prefix, posting id, lane, value, ms from now. A posting that is on its way already goes out.
local prefix, id, lane, value, after = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local function key(name) return prefix .. ':' .. name end
if redis.call('HEXISTS', key('holders'), 'deliver:' .. lane) == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', key('posting:' .. id), 'value', value, 'wanted', 1)
redis.call('ZADD', key('lane:' .. lane), 0, id)
redis.call('SADD', key('pools'), 'deliveries')
redis.call('ZADD', key('due:deliveries'), now + after, 'deliver:' .. lane)
return 1
