-- An envelope is begun: the one named, or the first that a person waits for in their order.
-- ARGV: prefix, token of this attempt, pool of the work item, its id or '', user, milliseconds that an envelope waits
-- for its acknowledgement, '1' if whoever asks has acknowledged it.
-- Answers {'begun', id, user, body, '1' if it was begun before, '1' if it took effect}, {'early', milliseconds left},
-- {'moved'} where the first of several belongs to another pool, where it is due, or {} where nothing is left.
local prefix, token, here, id, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local waits, mine = tonumber(ARGV[6]), ARGV[7] == '1'
local function key(name) return prefix .. ':' .. name end
local ordered = id == ''
-- What stands where ours belongs and is none of it is set aside, so that the next one's turn comes.
local function require_type(name, type)
  local found = redis.call('TYPE', key(name)).ok
  if found ~= 'none' and found ~= type then redis.call('RENAME', key(name), key('strange:' .. name)) end
end
if ordered then require_type('asked:' .. user, 'list') end
while true do
  if ordered then id = redis.call('LINDEX', key('asked:' .. user), 0) end
  if not id then return {} end
  local envelope = key('envelope:' .. id)
  require_type('envelope:' .. id, 'hash')
  local held = redis.call('HMGET', envelope, 'body', 'accepted', 'begun', 'took_effect', 'pool', 'user')
  local body, accepted, begun, took_effect, pool, asker = unpack(held)
  if body and not (pool and asker) then
    redis.call('RENAME', envelope, key('strange:envelope:' .. id))
  elseif body then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    if not accepted and not mine then
      -- Counted from the first look and not from when it was stored: this server may have stood still since, and whoever
      -- refused it has yet to take it back.
      redis.call('HSETNX', envelope, 'noticed', now)
      local left = redis.call('HGET', envelope, 'noticed') + waits - now
      if left > 0 then return {'early', left} end
    end
    if ordered and pool ~= here then
      redis.call('SADD', key('pools'), pool)
      redis.call('ZADD', key('due:' .. pool), 'NX', now, 'asks:' .. user)
      return {'moved'}
    end
    redis.call('HSET', envelope, 'begun', token)
    local again = begun and begun ~= token
    return {'begun', id, asker, body, again and '1' or '', took_effect and '1' or ''}
  end
  if not ordered then return {} end
  redis.call('LPOP', key('asked:' .. user))
end
