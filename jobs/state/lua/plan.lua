-- Lets looks at a platform's jobs come no later than planned here; those under way are left alone, none is added.
-- ARGV: prefix, platform, ms over which they are spread, 1 where they must ask for the job's status themselves, ids.
-- Asked twice it has one effect.
local prefix, platform, within, ask = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local several = #ARGV - 4
for place = 1, several do
  local id = ARGV[place + 4]
  local watched = ask and redis.call('HGET', key('watched:' .. platform), id)
  if watched then redis.call('HSET', key('watched:' .. platform), id, string.match(watched, '^%S*') .. ' ') end
  if redis.call('HEXISTS', key('leases:due'), id) == 0 then
    redis.call('ZADD', key('due'), 'XX', 'LT', now + math.floor(within * place / several), id)
  end
end
return several
