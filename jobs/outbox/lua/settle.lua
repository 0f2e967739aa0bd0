-- Writes into the ledger that a posting is in Slack. ARGV: prefix, item, token, posting id, lane, subject, entry, wanted.
-- A refreshed posting that was wanted again meanwhile stays in its lane. Answers 1, 2 where a person waits for that, or 0
-- where the lane is not held under the token: whoever holds it finds the message in Slack.
local prefix, item, token, id, lane, subject, entry, wanted = unpack(ARGV)
local function key(name) return prefix .. ':' .. name end
local holder = redis.call('HGET', key('holders'), item)
if not holder or string.match(holder, '^%S*') ~= token then return 0 end
redis.call('HSET', key('ledger:' .. subject), id, entry)
redis.call('HDEL', key('refused'), id)
if string.sub(subject, 1, 7) == 'answer:' then redis.call('EXPIRE', key('ledger:' .. subject), 604800) end
if redis.call('HGET', key('posting:' .. id), 'wanted') == wanted then
  redis.call('DEL', key('posting:' .. id))
  redis.call('ZREM', key('lane:' .. lane), id)
else
  redis.call('HDEL', key('posting:' .. id), 'attempt', 'first')
  if redis.call('HEXISTS', key('posting:' .. id), 'urgent') == 1 then return 2 end
end
return 1
