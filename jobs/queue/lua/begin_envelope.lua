-- An envelope is begun: the one named, or the first that a person waits for in their order.
-- ARGV: prefix, token of this attempt, pool of the work item, its id or '', user, milliseconds that an envelope waits
-- for its acknowledgement, '1' if whoever asks has acknowledged it.
-- Answers {'begun', id, user, body, '1' if it was begun before, '1' if it took effect}, {'early', milliseconds left},
-- or {} where nothing is left to do here: the first of several may belong to another pool, where it is due now.
local prefix, token, here, id, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local waits, mine = tonumber(ARGV[6]), ARGV[7] == '1'
local function key(name) return prefix .. ':' .. name end
local ordered = id == ''
while true do
  if ordered then id = redis.call('LINDEX', key('asked:' .. user), 0) end
  if not id then return {} end
  local envelope = key('envelope:' .. id)
  local held = redis.call('HMGET', envelope, 'body', 'at', 'accepted', 'begun', 'took_effect', 'pool', 'user')
  if held[1] then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local left = held[2] + waits - now
    if left > 0 and not held[3] and not mine then return {'early', left} end
    if ordered and held[6] ~= here then
      redis.call('SADD', key('pools'), held[6])
      redis.call('ZADD', key('due:' .. held[6]), 'LT', now, 'asks:' .. user)
      return {}
    end
    redis.call('HSET', envelope, 'begun', token)
    local again = held[4] and held[4] ~= token
    return {'begun', id, held[7], held[1], again and '1' or '', held[5] and '1' or ''}
  end
  if not ordered then return {} end
  redis.call('LPOP', key('asked:' .. user))
end
