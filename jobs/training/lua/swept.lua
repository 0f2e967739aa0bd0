-- Notes what a sweep of a platform leaves to the next.
-- ARGV: prefix, platform, pages, cursor, ms for which the statuses that it read hold.
-- Answers 1, or 0 where nothing is left to watch.
local prefix, platform, pages, cursor, holds = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
if redis.call('EXISTS', key('watched:' .. platform)) == 0 then
  redis.call('DEL', key('sweep:' .. platform))
  return 0
end
redis.call('HSET', key('sweep:' .. platform), 'pages', pages, 'cursor', cursor)
if holds ~= '0' then redis.call('SET', key('listed:' .. platform), '1', 'PX', holds) end
return 1
