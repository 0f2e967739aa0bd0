-- Begins delivering the oldest posting of a lane. ARGV: prefix, item, token under which it is held, lane, attempt's id.
-- Answers {'lost'}, {'empty'} or {'posting', id, value, wanted, attempt, first attempt in ms, ledger entry or ''}; asked
-- twice with one attempt's id, that counts as one.
local prefix, item, token, lane, by = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
local holder = redis.call('HGET', key('holders'), item)
if not holder or string.match(holder, '^%S*') ~= token then return {'lost'} end
local id = redis.call('ZRANGE', key('lane:' .. lane), 0, 0)[1]
if not id then return {'empty'} end
local posting = key('posting:' .. id)
if redis.call('HGET', posting, 'by') ~= by then
  local time = redis.call('TIME')
  redis.call('HDEL', posting, 'urgent')
  redis.call('HSET', posting, 'by', by)
  redis.call('HINCRBY', posting, 'attempt', 1)
  redis.call('HSETNX', posting, 'first', time[1] * 1000 + math.floor(time[2] / 1000))
end
local held = redis.call('HMGET', posting, 'value', 'wanted', 'attempt', 'first')
local subject = cjson.decode(held[1]).subject
local entry = redis.call('HGET', key('ledger:' .. subject), id)
return {'posting', id, held[1], held[2], held[3], held[4], entry or ''}
