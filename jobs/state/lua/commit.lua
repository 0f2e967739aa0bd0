-- One state change and the postings it causes, all or nothing.
-- ARGV: prefix, token of this change, the change as JSON.
-- Answers {'done'}, {'conflict', record}, {'taken', holder}, or {'head', hash} where the trail does not end in the hash
-- that the entries of this change were sealed on to.
-- A change that already took effect (its reply was lost, the client asked again) is recognised by its token.
local prefix, token = ARGV[1], ARGV[2]
local change = cjson.decode(ARGV[3])
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, record in ipairs(change.records) do
  local held = redis.call('HMGET', key(record.key), 'version', 'by')
  if tonumber(held[1] or 0) ~= record.version then
    if held[2] == token then return {'done'} end
    return {'conflict', record.key}
  end
end
if change.audit then
  local head = redis.call('HMGET', key('audit:head'), 'hash', 'by')
  if head[2] == token then return {'done'} end
  if (head[1] or string.rep('0', 64)) ~= change.audit.head then return {'head', head[1] or string.rep('0', 64)} end
end
if change.once then
  local holder = redis.call('GET', key(change.once.key))
  if holder and holder ~= change.once.value then return {'taken', holder} end
  redis.call('SET', key(change.once.key), change.once.value, 'PX', change.once.ttl)
end

for _, record in ipairs(change.records) do
  redis.call('HSET', key(record.key), 'version', record.version + 1, 'by', token, 'value', record.value)
  if record.also then redis.call('HSET', key(record.also.hash), record.also.name, record.also.id) end
  if record.listed then redis.call('ZADD', key(record.listed.set), 'NX', record.listed.at or now, record.listed.id) end
end
for name, value in pairs(change.plain) do
  redis.call('SET', key(name), value)
end
for number, value in pairs(change.steps.values) do
  redis.call('HSET', key(change.steps.key), number, value)
end
if change.audit then
  for _, entry in ipairs(change.audit.entries) do
    local id = redis.call('XADD', key('audit'), '*', 'entry', entry[1], 'previous', entry[2], 'hash', entry[3])
    for _, word in ipairs(entry[4]) do
      redis.call('RPUSH', key('audit:about:' .. word[1]), id)
      redis.call('ZADD', key('audit:words'), now, word[2])
    end
    redis.call('HSET', key('audit:head'), 'hash', entry[3], 'by', token)
  end
end
-- Writes down when an item is due. Where its pool depends on its record (its own next item says so), that is kept.
-- What is held is only asked for earlier: it may have been wanted again since the work on it began.
local function plan(item, is_earliest)
  local pool, is_held, wanted = item.pool, redis.call('HEXISTS', key('holders'), item.id) == 1, nil
  if item.moves then
    local before = redis.call('HGET', key('pool_of'), item.id)
    if before and before ~= pool then
      wanted = redis.call('ZSCORE', key('due:' .. before), item.id)
      redis.call('ZREM', key('due:' .. before), item.id)
    end
    redis.call('HSET', key('pool_of'), item.id, pool)
  else
    pool = redis.call('HGET', key('pool_of'), item.id) or pool
  end
  if item.after < 0 then
    if not is_held then redis.call('ZREM', key('due:' .. pool), item.id) end
    if item.moves then redis.call('HDEL', key('pool_of'), item.id) end
    return
  end
  redis.call('SADD', key('pools'), pool)
  if is_earliest or is_held then
    redis.call('ZADD', key('due:' .. pool), 'LT', now + item.after, item.id)
    if wanted then redis.call('ZADD', key('due:' .. pool), 'LT', wanted, item.id) end
  else
    redis.call('ZADD', key('due:' .. pool), now + item.after, item.id)
  end
end
for _, other in ipairs(change.schedule) do plan(other, true) end
if change.due then plan(change.due, false) end
if change.watched then
  local watched = key('watched:' .. change.watched.platform)
  if change.watched.text == '' then
    redis.call('HDEL', watched, change.watched.id)
  else
    redis.call('HSET', watched, change.watched.id, change.watched.text)
    if redis.call('HEXISTS', key('holders'), change.watched.sweep) == 0 then
      redis.call('SADD', key('pools'), change.watched.pool)
      redis.call('ZADD', key('due:' .. change.watched.pool), 'NX', now, change.watched.sweep)
    end
  end
end

if change.envelope and redis.call('EXISTS', key(change.envelope)) == 1 then
  redis.call('HSET', key(change.envelope), 'took_effect', 1)
end

for _, posting in ipairs(change.postings) do
  local known = redis.call('HEXISTS', key('ledger:' .. posting.subject), posting.id) == 1
  local waiting = redis.call('EXISTS', key('posting:' .. posting.id)) == 1
  if posting.refreshed or not (known or waiting) then
    local lane = 'lane:' .. posting.lane
    redis.call('HSET', key('posting:' .. posting.id), 'value', posting.value)
    -- A number that never comes again: what was delivered meanwhile must not pass for this.
    local place = redis.call('INCR', key('sequence'))
    redis.call('HSET', key('posting:' .. posting.id), 'wanted', place)
    if posting.urgent then redis.call('HSET', key('posting:' .. posting.id), 'urgent', 1) end
    redis.call('ZADD', key(lane), 'NX', place, posting.id)
    redis.call('SADD', key('pools'), 'deliveries')
    local item = 'deliver:' .. posting.lane
    local is_at_once = posting.urgent and redis.call('HEXISTS', key('holders'), item) == 0
    redis.call('ZADD', key('due:deliveries'), is_at_once and 'LT' or 'NX', now, item)
  end
end
return {'done'}
