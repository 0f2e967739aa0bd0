-- Ends a sweep of a platform and plans the next, where there is still something to watch.
-- ARGV: prefix, platform, token of the claim, pause in ms, pages, cursor, ms for which the statuses that it read hold.
-- Answers 1, or 0 where the lease was lost.
local prefix, platform, token, pause, pages, cursor, holds = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
if redis.call('HGET', key('leases:sweeps'), platform) ~= token then return 0 end
redis.call('HDEL', key('leases:sweeps'), platform)
if redis.call('EXISTS', key('watched:' .. platform)) == 0 then
  redis.call('ZREM', key('sweeps'), platform)
  redis.call('DEL', key('sweep:' .. platform))
  return 1
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', key('sweeps'), now + tonumber(pause), platform)
redis.call('HSET', key('sweep:' .. platform), 'pages', pages, 'cursor', cursor)
if holds ~= '0' then redis.call('SET', key('listed:' .. platform), '1', 'PX', holds) end
return 1
