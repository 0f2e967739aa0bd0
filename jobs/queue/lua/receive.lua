-- What people asked is stored; what was acknowledged before may be worked off; what was refused is taken back.
-- ARGV: prefix, token of this write, milliseconds that an envelope waits for its acknowledgement, milliseconds for which
-- a trace of it stays, how many follow: acknowledged, refused; their ids; then of each new envelope: id, latest time of
-- this server's clock (ms) at which it may be stored, user, '1' if it is worked off in that person's order, pool, body.
-- Answers the time (ms), and for each new envelope `kept`, `known` or `late`. The same write sent twice has one effect.
local prefix, token, waits, trace = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local function key(name) return prefix .. ':' .. name end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local accepted, refused, at = tonumber(ARGV[5]), tonumber(ARGV[6]), 7

-- What stands where our keys belong and is none of them is set aside: it must not keep everybody else from being heard.
local function require_type(name, type)
  local found = redis.call('TYPE', key(name)).ok
  if found ~= 'none' and found ~= type then redis.call('RENAME', key(name), key('strange:' .. name)) end
end
local function plan(pool, at, item)
  require_type('pools', 'set')
  require_type('due:' .. pool, 'zset')
  redis.call('SADD', key('pools'), pool)
  redis.call('ZADD', key('due:' .. pool), 'LT', at, item)
end
local function item_of(id, user, ordered)
  if ordered == '1' then return 'asks:' .. user end
  return 'ask:' .. id
end

for place = at, at + accepted - 1 do
  local envelope = key('envelope:' .. ARGV[place])
  local held = redis.call('HMGET', envelope, 'user', 'ordered', 'pool', 'begun')
  if held[1] then
    redis.call('HSET', envelope, 'accepted', 1)
    if not held[4] then plan(held[3], now, item_of(ARGV[place], held[1], held[2])) end
  end
end
at = at + accepted
for place = at, at + refused - 1 do
  local id = ARGV[place]
  local envelope = key('envelope:' .. id)
  local held = redis.call('HMGET', envelope, 'user', 'ordered', 'pool', 'begun')
  if held[1] and not held[4] then
    redis.call('LREM', key('asked:' .. held[1]), 1, id)
    if held[2] ~= '1' then redis.call('ZREM', key('due:' .. held[3]), item_of(id, held[1], held[2])) end
    redis.call('DEL', envelope)
    redis.call('HSET', envelope, 'ended', now)
    redis.call('PEXPIRE', envelope, trace)
  end
end
at = at + refused

local answers = {}
for place = at, #ARGV, 6 do
  local id, latest, user, ordered, pool, body = unpack(ARGV, place, place + 5)
  local envelope = key('envelope:' .. id)
  require_type('envelope:' .. id, 'hash')
  require_type('asked:' .. user, 'list')
  if redis.call('EXISTS', envelope) == 1 then
    answers[#answers + 1] = redis.call('HGET', envelope, 'by') == token and 'kept' or 'known'
  elseif now > tonumber(latest) then
    answers[#answers + 1] = 'late'
  else
    redis.call('HSET', envelope, 'body', body, 'at', now, 'user', user, 'ordered', ordered, 'pool', pool, 'by', token)
    if ordered == '1' then redis.call('RPUSH', key('asked:' .. user), id) end
    plan(pool, now + waits, item_of(id, user, ordered))
    answers[#answers + 1] = 'kept'
  end
end
return {now, answers}
