-- Marks an attempt as certainly not delivered, so that the next one need not look for it. ARGV: prefix, posting id.
redis.call('HDEL', ARGV[1] .. ':posting:' .. ARGV[2], 'attempt', 'first')
return 1
