import { AsyncResource } from 'node:async_hooks'

/** So late, a timer tells of a process that was busy, not of a server that is slow. */
export const STALL_MS = 50
/** How long answers that came meanwhile may take to get from the socket to their callers. */
const GRACE_MS = 200
/** So many turns of the event loop lie between the arrival of a reply and its caller, over any client. */
const GRACE_TURNS = 8
/** So many calls expire in one turn of the event loop, which others need too. */
const EXPIRED_A_TURN = 200

/** What has to be over at some time. */
interface Expiring {
  /** @param wasBusy whether the process was, so that its answers are late and not those of Redis */
  expire(wasBusy: boolean): void
}

type Due = () => void

const due: Due[] = []
/** Those that were found to be late in this turn of the event loop. */
let late: Due[] = []

/**
 * Lets something expire in `ms` milliseconds. Answers that lie in the socket by then are read first: it
 * finds out itself whether it is over.
 * @param dueAt the same time by the clock of `performance.now()`
 */
export function startDeadline(expiring: Expiring, ms: number, dueAt: number): NodeJS.Timeout {
  return setTimeout(onDue, ms, expiring, dueAt)
}

function onDue(expiring: Expiring, dueAt: number): void {
  // Timers know whole milliseconds only, and come early by a part of one: while Redis may still do
  // what its caller would be told has failed.
  const leftMs = dueAt - performance.now()
  if (leftMs > 0) {
    setTimeout(onDue, leftMs, expiring, dueAt)
    return
  }
  const context = new AsyncResource('SolidisStore')
  const wasBusy = performance.now() - dueAt > STALL_MS
  const told = () => context.runInAsyncScope(expiring.expire, expiring, wasBusy)
  if (!wasBusy) {
    expireSoon([told])
    return
  }
  if (late.push(told) > 1) return
  setTimeout(expireSoon, GRACE_MS, late)
  // What another turn finds, after the process was busy again, has as much time of its own.
  setImmediate(() => {
    late = []
  })
}

function expireSoon(some: Due[]): void {
  if (due.length === 0) setImmediate(expireSome, GRACE_TURNS)
  for (const each of some) due.push(each)
}

function expireSome(turnsLeft: number): void {
  if (turnsLeft > 0) {
    setImmediate(expireSome, turnsLeft - 1)
    return
  }
  for (const expire of due.splice(0, EXPIRED_A_TURN)) expire()
  if (due.length > 0) setImmediate(expireSome, 0)
}
