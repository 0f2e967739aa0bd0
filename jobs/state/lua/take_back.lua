-- Takes back a posting that was kept ready, unless it is on its way already. ARGV: prefix, posting id, lane.
local prefix, id, lane = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
if redis.call('HEXISTS', key('holders'), 'deliver:' .. lane) == 1 then return 0 end
redis.call('DEL', key('posting:' .. id), key('lane:' .. lane))
redis.call('ZREM', key('due:deliveries'), 'deliver:' .. lane)
return 1
