-- Ends the work on an item. ARGV: prefix, item, token, outcome, ms until it is to be done again, or -1.
-- Outcomes: 'done'; 'paused' (done, and not to be done again earlier, whoever wants it); 'aside' (given up for now; one
-- death more sets it aside again); 'left' (not finished, for no fault of the item); 'raised' (it failed). Where it was wanted again meanwhile it stays due.
-- Answers 1, or 0 where another holds it, or nobody.
local prefix, item, token, outcome, again = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local function key(name) return prefix .. ':' .. name end
local holder = redis.call('HGET', key('holders'), item)
if not holder or string.match(holder, '^%S*') ~= token then return 0 end
local pool = string.match(holder, ' (.*)$')
redis.call('HDEL', key('holders'), item)
redis.call('ZREM', key('leases'), item)
if outcome == 'done' or outcome == 'paused' then
  redis.call('HDEL', key('deaths'), item)
  redis.call('HDEL', key('raised'), item)
elseif outcome == 'aside' then
  redis.call('HDEL', key('raised'), item)
  local deaths = tonumber(redis.call('HGET', key('deaths'), item) or 0) or 0
  if deaths > 0 then redis.call('HSET', key('deaths'), item, deaths - 1) end
else
  if outcome == 'raised' then redis.call('HDEL', key('deaths'), item) end
  local raised = tonumber(redis.call('HGET', key('raised'), item) or 0) or 0
  redis.call('HSET', key('raised'), item, raised + (outcome == 'raised' and 1 or 0))
end
if again >= 0 then
  pool = redis.call('HGET', key('pool_of'), item) or pool
  local time = redis.call('TIME')
  redis.call('SADD', key('pools'), pool)
  local at = time[1] * 1000 + math.floor(time[2] / 1000) + again
  if outcome == 'paused' or outcome == 'aside' then
    redis.call('ZADD', key('due:' .. pool), at, item)
  else
    redis.call('ZADD', key('due:' .. pool), 'LT', at, item)
  end
end
return 1
