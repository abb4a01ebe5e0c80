-- Puts a redo record in place of exactly what its writer saw there.
--
-- KEYS[1]  the slot's redo record
-- ARGV[1]  what the writer saw, '' for nothing
-- ARGV[2]  the new record
--
-- Returns 1 if it did, 0 if somebody else wrote meanwhile.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
