/** An entry outlives its session by at least this part of the life that a touch gives. */
const PART = 1 / 8
/** And by so much, since what gives a session its life may arrive later than its entry did. */
const MIN_SLACK_MS = 8192
/** How exact it is known when a session expires. */
const ACCURACY_MS = 1000

/**
 * How many milliseconds an entry is to outlive its session, so that not every touch has to move it. A
 * power of two, so that who finds a slightly other TTL finds the same.
 */
export function slackOf(ttlMs: number): number {
  return ttlMs === Infinity ? 0 : 2 ** Math.floor(Math.log2(Math.max(ttlMs * PART, MIN_SLACK_MS)))
}

/**
 * Whether a session that expires later than before needs its entry moved. An entry is written to last
 * two slacks longer than its session; and it is moved whenever the expiry leaves one slack of the time
 * line for another, which shows without asking what the entry is.
 * @param before when it expires, by the clock of Redis, as all processes have it; `after`: when it will
 */
export function mustMove(before: number, after: number, slackMs: number): boolean {
  if (after <= before) return false
  if (after === Infinity) return true
  return (
    Math.floor((before - ACCURACY_MS) / slackMs) !== Math.floor((after + ACCURACY_MS) / slackMs)
  )
}
