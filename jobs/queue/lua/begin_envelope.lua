-- An envelope is begun: the one named, or the first that a person waits for.
-- ARGV: prefix, token of this attempt, its id or '', user, milliseconds that an envelope waits for its acknowledgement,
-- '1' if whoever asks has acknowledged it.
-- Answers {'begun', id, body, '1' if it was begun before, '1' if it took effect, pool}, {'early', milliseconds left},
-- or {} where nothing is left.
local prefix, token, id, user, waits, mine = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local asked, ordered = prefix .. ':asked:' .. user, id == ''
while true do
  if ordered then id = redis.call('LINDEX', asked, 0) end
  if not id then return {} end
  local envelope = prefix .. ':envelope:' .. id
  local held = redis.call('HMGET', envelope, 'body', 'at', 'accepted', 'begun', 'took_effect', 'pool')
  if held[1] then
    local time = redis.call('TIME')
    local left = held[2] + waits - (time[1] * 1000 + math.floor(time[2] / 1000))
    if left > 0 and not held[3] and mine ~= '1' then return {'early', left} end
    redis.call('HSET', envelope, 'begun', token)
    local again = held[4] and held[4] ~= token
    return {'begun', id, held[1], again and '1' or '', held[5] and '1' or '', held[6]}
  end
  if not ordered then return {} end
  redis.call('LPOP', asked)
end
