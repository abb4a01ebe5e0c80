-- Makes one checkpoint true by one SET, if the slot still is where its writer believes it to be.
--
-- KEYS[1]          the slot's redo record
-- KEYS[2 .. 1+n]   the chunks that the stored record's writes name by index, in its order
-- KEYS[2+n ..]     the chunks that the stored record drops
-- ARGV[1]          the state id that the writer expects, '' for a slot that does not exist yet
-- ARGV[2]          the new redo record; its first 16 bytes are the new state id
-- ARGV[3]          n
-- ARGV[4 .. 3+n]   the bytes that each of those n chunks holds at least: with fewer it was deleted or evicted, and a write
--                  at its end would fill up what is gone with zeros
--
-- Returns 'already' (an unchanged resend: harmless), 'other' (somebody else wrote, or Redis was rolled back), 'short' and
-- the key of a chunk that is not whole (nothing was written), or 'applied'.
-- Everything before the SET repeats what the stored record already made true, at absolute positions: however often it
-- runs, and wherever it is cut off, what a reader sees (strings with the stored record laid over them) stays the same.
local stored = redis.call('GETRANGE', KEYS[1], 0, 15)
if stored == string.sub(ARGV[2], 1, 16) then return 'already' end
if stored ~= ARGV[1] then return 'other' end
for i = 1, tonumber(ARGV[3]) do
  if redis.call('STRLEN', KEYS[i + 1]) < tonumber(ARGV[i + 3]) then return 'short ' .. KEYS[i + 1] end
end
if stored ~= '' then
  local record = redis.call('GET', KEYS[1])
  local size = #record
  local at = 21 + struct.unpack('<I4', record, 17)
  local index, offset, length
  while at <= size do
    index, offset, length, at = struct.unpack('<I2I4I4', record, at)
    redis.call('SETRANGE', KEYS[index + 1], offset, string.sub(record, at, at + length - 1))
    at = at + length
  end
  for i = 2 + tonumber(ARGV[3]), #KEYS do redis.call('UNLINK', KEYS[i]) end
end
redis.call('SET', KEYS[1], ARGV[2])
return 'applied'
