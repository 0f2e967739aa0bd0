-- Marks an attempt as certainly not delivered, so that the next one need not look for it.
-- ARGV: prefix, item, token, posting id. Answers 1, or 0 where the lane is not held under the token.
local prefix, item, token, id = unpack(ARGV)
local holder = redis.call('HGET', prefix .. ':holders', item)
if not holder or string.match(holder, '^%S*') ~= token then return 0 end
redis.call('HDEL', prefix .. ':posting:' .. id, 'attempt', 'first')
return 1
