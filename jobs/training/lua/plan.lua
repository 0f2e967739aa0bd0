-- Lets looks at a platform's jobs come no later than planned here; those under way are left alone, none is added.
-- ARGV: prefix, platform, pool of the looks, ms over which they are spread, 1 where they must ask for the job's status
-- themselves, ids. Asked twice it has one effect.
local prefix, platform, pool, within, ask = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local several = #ARGV - 5
for place = 1, several do
  local id = ARGV[place + 5]
  local watched = ask and redis.call('HGET', key('watched:' .. platform), id)
  if watched then redis.call('HSET', key('watched:' .. platform), id, string.match(watched, '^%S*') .. ' ') end
  redis.call('ZADD', key('due:' .. pool), 'XX', 'LT', now + math.floor(within * place / several), id)
end
return several
