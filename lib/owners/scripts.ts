import { Script, UNLESS_LATE } from '../redis/commands.ts'

/*
 * Each value of `indexBy` has a sorted set. Its entries are the ids of sessions, scored by the time, in
 * milliseconds by the clock of Redis, until when the session may live. Before a session comes to have
 * the value, its entry is written, and with it a mark: a member made of a token of that write and of
 * the id, with a byte in between that is in neither. Its score is minus the time when the write can no
 * longer happen. So what has a mark may be there soon, though it is not yet.
 */

/** How far the clocks of two nodes of a cluster may be apart. */
const SKEW_MS = 5000
/** The score of what never expires: one that can still be added to. */
const NEVER = 9e15

/**
 * Gives the nonce ARGV[1], and for each entry, or for that of ARGV[2] alone: id, score, and 1 if it
 * has a mark.
 */
export const LIST = new Script(
  'ZRANGEBYSCORE',
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local marked = {}
for _, mark in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ${SKEW_MS} - now)) do
  marked[string.sub(mark, string.find(mark, '\\255', 1, true) + 1)] = 1
end
local entries
if ARGV[2] then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
  entries = score and {ARGV[2], score} or {}
else
  entries = redis.call('ZRANGEBYSCORE', KEYS[1], 0, '+inf', 'WITHSCORES')
end
local reply = {ARGV[1]}
for i = 1, #entries, 2 do
  reply[#reply + 1] = entries[i]
  reply[#reply + 1] = entries[i + 1]
  reply[#reply + 1] = marked[entries[i]] or 0
end
return reply`,
)

const REMOVE_UNCHANGED = (first: number) => `
for i = ${first}, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('ZREM', KEYS[1], ARGV[i]) end
end`

/** Removes the entries of ids in ARGV, each of which its score follows, where that is still the same. */
export const REMOVE = new Script('ZREM', REMOVE_UNCHANGED(1))

/**
 * Writes the entry of the id ARGV[3], whose session is to live ARGV[4] milliseconds, or 'Infinity', with
 * ARGV[5] more for it to be touched in. With a token in ARGV[6], it gets a mark until the deadline, and
 * another score than before, so that nobody removes what has been there. With a limit in ARGV[7], and so
 * many others there, it does nothing, and gives 0. Before that, it removes what is over, and what
 * follows in ARGV, as REMOVE does. No score is made lower. The set expires with its highest.
 */
export const ADD = new Script(
  'ZADD',
  `${UNLESS_LATE}
local key, sid, limit = KEYS[1], ARGV[3], tonumber(ARGV[7])
redis.call('ZREMRANGEBYSCORE', key, 0, now)
redis.call('ZREMRANGEBYSCORE', key, '(' .. ${SKEW_MS} - now, '(0')
${REMOVE_UNCHANGED(8)}
local known = tonumber(redis.call('ZSCORE', key, sid))
local others = redis.call('ZCOUNT', key, 0, '+inf') - (known and 1 or 0)
if limit > 0 and others >= limit then return told(0) end
local score = ARGV[4] == '${Infinity}' and ${NEVER} or now + ARGV[4] + ARGV[5]
if known and known >= score then score = ARGV[6] == '' and known or known + 1 end
redis.call('ZADD', key, score, sid)
if ARGV[6] ~= '' then
  redis.call('ZADD', key, -math.min(ARGV[1], score), ARGV[6] .. '\\255' .. sid)
end
local highest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', key, highest[2])
return told(now)`,
)

/** Removes the mark with the token ARGV[2] of the id ARGV[1]. */
export const SETTLE = new Script(
  'ZREM',
  `return redis.call('ZREM', KEYS[1], ARGV[2] .. '\\255' .. ARGV[1])`,
)
