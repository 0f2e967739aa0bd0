-- An envelope was answered: its body goes, a trace by which it is known when it is delivered again stays for a while.
-- ARGV: prefix, id, user, milliseconds that the trace stays.
local prefix, id, user, trace = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local envelope = prefix .. ':envelope:' .. id
local time = redis.call('TIME')
redis.call('LREM', prefix .. ':asked:' .. user, 1, id)
redis.call('DEL', envelope)
redis.call('HSET', envelope, 'ended', time[1])
redis.call('PEXPIRE', envelope, trace)
return 1
