-- Begins delivering the oldest posting of a lane and renews the lease. ARGV: prefix, lane, token, lease in ms.
-- Answers {'lost'}, {'empty'} or {'posting', id, value, wanted, attempt, first attempt in ms, ledger entry or ''}.
local prefix, lane, token, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function key(name) return prefix .. ':' .. name end
if redis.call('HGET', key('leases:outbox'), lane) ~= token then return {'lost'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = redis.call('ZRANGE', key('lane:' .. lane), 0, 0)[1]
if not id then return {'empty'} end
redis.call('ZADD', key('outbox'), now + lease, lane)
local posting = key('posting:' .. id)
redis.call('HDEL', posting, 'urgent')
local attempt = redis.call('HINCRBY', posting, 'attempt', 1)
redis.call('HSETNX', posting, 'first', now)
local held = redis.call('HMGET', posting, 'value', 'wanted', 'first')
local subject = cjson.decode(held[1]).subject
local entry = redis.call('HGET', key('ledger:' .. subject), id)
return {'posting', id, held[1], held[2], tostring(attempt), held[3], entry or ''}
