-- Sets aside a posting that Slack will never take. ARGV: prefix, item, token (empty if nobody holds the lane), posting id,
-- lane, reason. Answers 1, or 0 where the lane is held under another token.
local prefix, item, token, id, lane, reason = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
local holder = redis.call('HGET', key('holders'), item) or ''
if string.match(holder, '^%S*') ~= token then return 0 end
local value = redis.call('HGET', key('posting:' .. id), 'value')
local at = tonumber(redis.call('TIME')[1])
if value then redis.call('HSET', key('refused'), id, cjson.encode({posting = value, reason = reason, at = at})) end
redis.call('DEL', key('posting:' .. id))
redis.call('ZREM', key('lane:' .. lane), id)
return 1
