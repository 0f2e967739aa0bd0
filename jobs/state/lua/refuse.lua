-- Sets aside a posting that Slack will never take. ARGV: prefix, posting id, lane, reason.
local prefix, id, lane, reason = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
local value = redis.call('HGET', key('posting:' .. id), 'value')
local at = tonumber(redis.call('TIME')[1])
if value then redis.call('HSET', key('refused'), id, cjson.encode({posting = value, reason = reason, at = at})) end
redis.call('DEL', key('posting:' .. id))
redis.call('ZREM', key('lane:' .. lane), id)
return 1
