-- Removes what was kept long enough, all or nothing; leaves it where a record changed or a message waits.
-- ARGV: prefix, removal as JSON: guards {key, version}, absent {key}, gone {key}, unlisted {set, id},
-- pared {key, fields that stay}. Answers 1, or 0 where nothing was removed. Asked twice it has one effect.
local prefix, removal = ARGV[1], cjson.decode(ARGV[2])
local function key(name) return prefix .. ':' .. name end
for _, guard in ipairs(removal.guards) do
  if tonumber(redis.call('HGET', key(guard[1]), 'version') or 0) ~= guard[2] then return 0 end
end
for _, name in ipairs(removal.absent) do
  if redis.call('EXISTS', key(name)) == 1 then return 0 end
end
for _, name in ipairs(removal.gone) do redis.call('UNLINK', key(name)) end
for _, listed in ipairs(removal.unlisted) do redis.call('ZREM', key(listed[1]), listed[2]) end
for _, pared in ipairs(removal.pared) do
  local left = {}
  for _, field in ipairs(pared[2]) do
    local value = redis.call('HGET', key(pared[1]), field)
    if value then left[#left + 1] = field; left[#left + 1] = value end
  end
  redis.call('UNLINK', key(pared[1]))
  if #left > 0 then redis.call('HSET', key(pared[1]), unpack(left)) end
end
return 1
