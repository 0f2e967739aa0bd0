-- Defers the looks at a platform's quiet jobs: not those that run, whose look is due at once, or is under way.
-- ARGV: prefix, platform, pool of the looks, ms from now. Looks that come within two thirds of that are deferred, to
-- between once and twice as long. Answers how many.
local prefix, platform, pool, after = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZRANGEBYSCORE', key('due:' .. pool), '-inf', now + math.floor(after * 2 / 3))
local many = 0
for place, id in ipairs(ids) do
  local watched = redis.call('HGET', key('watched:' .. platform), id)
  local status = watched and string.match(watched, ' (.*)$')
  if status and status ~= '' and status ~= 'running' then
    redis.call('ZADD', key('due:' .. pool), 'XX', now + after + math.floor(after * place / #ids), id)
    many = many + 1
  end
end
return many
