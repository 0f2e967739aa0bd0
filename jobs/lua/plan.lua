-- Lets turns come no later than they are planned here; those under way are left alone, and none is made anew.
-- ARGV: prefix, ms over which they are spread, ids. Asked twice it has one effect.
local prefix, within = ARGV[1], tonumber(ARGV[2])
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local several = #ARGV - 2
for place = 1, several do
  local id = ARGV[place + 2]
  if redis.call('HEXISTS', key('leases:due'), id) == 0 then
    redis.call('ZADD', key('due'), 'XX', 'LT', now + math.floor(within * place / several), id)
  end
end
return several
