-- Takes due work items for a process, and gives back to everybody what the dead held.
-- ARGV: prefix, token "<member>/<nonce>", lease in ms, 1 where the process may begin a suspect,
-- request as JSON: slots {{pool or its kind, how many}}, early {{item, pool}}, dead {member}.
-- A pool's kind is what stands before its colon; its slots count for each pool of the kind that is not named itself.
-- Kinds come in the order of the slots, so that the one suspect is of what is done soon, if there is any.
-- Answers {taken: {item, pool, raised, deaths}... (-1: none noted), soonest: ms until something is due or -1, others: members who
-- hold something, strange: keys and items that nobody of us wrote} as JSON; asked twice with one token it answers the same,
-- but for what was given back in between.
local prefix, token, lease, spare, request = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', cjson.decode(ARGV[5])
local function key(name) return prefix .. ':' .. name end
local me = string.match(token, '^[^/]*')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('GET', key('taken:' .. token))
if before then
  local answer, held = cjson.decode(before), {}
  for _, each in ipairs(answer.taken) do
    local holder = redis.call('HGET', key('holders'), each[1])
    if holder and string.match(holder, '^%S*') == token then
      redis.call('ZADD', key('leases'), now + lease, each[1])
      held[#held + 1] = each
    end
  end
  answer.taken = held
  return cjson.encode(answer)
end

-- What stands where the queue's own keys belong and is none of them is set aside: one bad key must not stop all work.
local strange = {}
local function require_type(name, type)
  local found = redis.call('TYPE', key(name)).ok
  if found ~= 'none' and found ~= type then
    redis.call('RENAME', key(name), key('strange:' .. name))
    strange[#strange + 1] = name
  end
end
for name, type in pairs({pools = 'set', members = 'zset', leases = 'zset'}) do require_type(name, type) end
for _, name in ipairs({'holders', 'deaths', 'raised', 'pool_of'}) do require_type(name, 'hash') end
local free, rank = {}, {}
for place, each in ipairs(request.slots) do
  free[each[1]], rank[each[1]] = each[2], place
  require_type('due:' .. each[1], 'zset')
end
local function kind_of(pool) return string.match(pool, '^[^:]*') end
local function count(hash, item)
  return tonumber(redis.call('HGET', key(hash), item) or -1) or 0
end

-- Gives back what somebody held. A death counts against the one suspect among it, or against the only item there is:
-- it ran alone. The rest become suspects, which each process runs one at a time.
local function give_back(items, is_death)
  local suspects = {}
  for _, each in ipairs(items) do
    if redis.call('HEXISTS', key('deaths'), each.item) == 1 then suspects[#suspects + 1] = each.item end
  end
  local blamed = suspects[1] or (#items == 1 and items[1].item)
  for _, each in ipairs(items) do
    local pause = 0
    redis.call('HSETNX', key('raised'), each.item, 0)
    if is_death then
      redis.call('HSETNX', key('deaths'), each.item, 0)
      if each.item == blamed and #suspects <= 1 then
        local deaths = count('deaths', each.item) + 1
        redis.call('HSET', key('deaths'), each.item, deaths)
        if deaths > 1 then pause = math.min(1000 * 2 ^ (deaths - 1), 30000) end
      end
    end
    redis.call('ZREM', key('leases'), each.item)
    redis.call('HDEL', key('holders'), each.item)
    local pool = redis.call('HGET', key('pool_of'), each.item) or each.pool
    redis.call('SADD', key('pools'), pool)
    require_type('due:' .. pool, 'zset')
    redis.call('ZADD', key('due:' .. pool), 'LT', now + pause, each.item)
  end
end

local others, of = {}, {}
local holders = redis.call('HGETALL', key('holders'))
for place = 1, #holders, 2 do
  local member, pool = string.match(holders[place + 1], '^([^/%s]+)/%S+ (.+)$')
  if not member then -- nobody of us wrote this
    strange[#strange + 1] = holders[place]
    redis.call('HDEL', key('holders'), holders[place])
    redis.call('ZREM', key('leases'), holders[place])
  else
    if of[member] == nil then
      of[member] = {}
      if member ~= me then others[#others + 1] = member end
    end
    table.insert(of[member], {item = holders[place], pool = pool})
  end
end
local is_dead = {}
for _, member in ipairs(request.dead) do is_dead[member] = true end
for member, items in pairs(of) do
  local overdue = {}
  for _, each in ipairs(items) do
    if tonumber(redis.call('ZSCORE', key('leases'), each.item) or 0) <= now then overdue[#overdue + 1] = each end
  end
  -- Who lives gives a sign of it far more often.
  local lives = tonumber(redis.call('ZSCORE', key('members'), member) or 0) > now - lease / 2
  if is_dead[member] or (#overdue > 0 and not lives) then
    -- A process that was told to stop did not die of its work.
    give_back(items, redis.call('EXISTS', key('leaving:' .. member)) == 0)
  elseif #overdue > 0 then
    give_back(overdue, false)
  end
end

local taken, may_suspect = {}, spare
local function take(item, pool)
  if redis.call('HEXISTS', key('holders'), item) == 1 then return false end
  local deaths = count('deaths', item)
  if deaths >= 0 and not may_suspect then return false end
  may_suspect = may_suspect and deaths < 0
  redis.call('ZREM', key('due:' .. pool), item)
  redis.call('ZADD', key('leases'), now + lease, item)
  redis.call('HSET', key('holders'), item, token .. ' ' .. pool)
  taken[#taken + 1] = {item, pool, count('raised', item), deaths}
  return true
end

local slots, soonest = {}, -1
local function left(pool)
  slots[pool] = slots[pool] or free[pool] or free[kind_of(pool)] or 0
  return slots[pool]
end
for _, each in ipairs(request.early) do
  local item, pool = each[1], each[2]
  require_type('due:' .. pool, 'zset')
  if left(pool) > 0 and redis.call('ZSCORE', key('due:' .. pool), item) and take(item, pool) then
    slots[pool] = slots[pool] - 1
  end
end
local pools = redis.call('SMEMBERS', key('pools'))
local function place_of(pool) return rank[kind_of(pool)] or #request.slots + 1 end
table.sort(pools, function(one, other) return place_of(one) < place_of(other) end)
for _, pool in ipairs(pools) do
  local due, skipped = key('due:' .. pool), 0
  require_type('due:' .. pool, 'zset')
  while left(pool) > 0 do
    local page = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', skipped, slots[pool])
    if #page == 0 then break end
    for _, item in ipairs(page) do
      if take(item, pool) then slots[pool] = slots[pool] - 1 else skipped = skipped + 1 end
    end
  end
  local later = redis.call('ZRANGEBYSCORE', due, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if later[2] and (soonest < 0 or later[2] - now < soonest) then soonest = later[2] - now end
  if redis.call('EXISTS', due) == 0 then redis.call('SREM', key('pools'), pool) end
end
local answer = cjson.encode({taken = taken, soonest = soonest, others = others, strange = strange})
if #taken > 0 then
  redis.call('ZADD', key('members'), now, me)
  redis.call('SET', key('taken:' .. token), answer, 'PX', 30000)
end
return answer
