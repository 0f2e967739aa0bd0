-- Renews what a process holds, and notes that it lives.
-- ARGV: prefix, member, lease in ms, then for each item: item, token, '1' where the work got further, so that what
-- failed before does not count. Answers the items that it does not hold any more.
local prefix, member, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', key('members'), now, member)
redis.call('ZREMRANGEBYSCORE', key('members'), '-inf', now - 86400000)
local lost = {}
for place = 4, #ARGV, 3 do
  local item, token = ARGV[place], ARGV[place + 1]
  local holder = redis.call('HGET', key('holders'), item)
  if holder and string.match(holder, '^%S*') == token then
    redis.call('ZADD', key('leases'), now + lease, item)
    if ARGV[place + 2] == '1' then
      redis.call('HDEL', key('deaths'), item)
      redis.call('HDEL', key('raised'), item)
    end
  else
    lost[#lost + 1] = item
  end
end
return lost
