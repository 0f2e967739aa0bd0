-- Takes what is due from a sorted set under a lease. ARGV: prefix, set, token, lease in ms, limit.
-- Answers the ids; asked twice with one token, it answers the same.
local prefix, set, token, lease, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local function key(name) return prefix .. ':' .. name end
local answered = redis.call('LRANGE', key('claim:' .. token), 0, -1)
if #answered > 0 then return answered end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key(set), '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZADD', key(set), now + lease, id)
  redis.call('HSET', key('leases:' .. set), id, token)
  if set == 'due' then redis.call('HINCRBY', key('attempts'), id, 1) end
  table.insert(answer, id)
end
if #answer > 0 then
  redis.call('RPUSH', key('claim:' .. token), unpack(answer))
  redis.call('PEXPIRE', key('claim:' .. token), 30000)
end
return answer
