import { AsyncResource } from 'node:async_hooks'
import type { Payload } from '../session/payload.ts'
import { mergeSessions } from './merge.ts'
import { isMergeable, type Write } from './write.ts'
import type { Writer } from './writer.ts'

/**
 * Goes on with what waits, once.
 * @param stored what Redis holds of the session, if that is known
 */
type Next = (stored?: Payload) => void

/** What waits for what was asked for before it of the same session. */
type Step =
  | { readonly kind: 'write'; readonly write: Write }
  /** Runs alone; the next step begins when it calls `next`. */
  | { readonly kind: 'task'; readonly run: (next: Next) => void }
  /** A read may see later writes, too; a touch may not. Nobody waits for their replies. */
  | { readonly kind: 'read' | 'touch'; readonly send: () => void }

/**
 * Applies the calls of each session in the order in which they were made. Writes that wait for one
 * that is in flight go together, as one: so however many requests write one session at once, a
 * process competes as one writer.
 */
export class Queue {
  readonly #writer: Writer
  /** By session id, what waits; there is an entry while something is in flight. */
  readonly #waiting = new Map<string, Step[]>()

  constructor(writer: Writer) {
    this.#writer = writer
  }

  write(write: Write): void {
    const waiting = this.#waiting.get(write.sid)
    if (waiting === undefined) this.#writer.write([write], undefined, this.#begin(write.sid))
    else waiting.push({ kind: 'write', write: inContext(write) })
  }

  task(sid: string, run: (next: Next) => void): void {
    const waiting = this.#waiting.get(sid)
    if (waiting === undefined) run(this.#begin(sid))
    else waiting.push({ kind: 'task', run: bind(run) })
  }

  /** Sends at once what has nothing to wait for. */
  after(sid: string, kind: 'read' | 'touch', send: () => void): void {
    const waiting = this.#waiting.get(sid)
    if (waiting === undefined) send()
    else waiting.push({ kind, send: bind(send) })
  }

  #begin(sid: string): Next {
    const waiting: Step[] = []
    this.#waiting.set(sid, waiting)
    return this.#afterwards(sid, waiting)
  }

  #afterwards(sid: string, waiting: Step[]): Next {
    let isOver = false
    return (stored) => {
      if (isOver) return
      isOver = true
      this.#next(sid, waiting, stored)
    }
  }

  #next(sid: string, waiting: Step[], stored?: Payload): void {
    if (waiting.length === 0) {
      this.#waiting.delete(sid)
      return
    }
    const next = this.#afterwards(sid, waiting)
    const writes: Write[] = []
    const reads: (() => void)[] = []
    for (let step = waiting[0]; step !== undefined; step = waiting[0]) {
      if (step.kind === 'write') {
        if (!goesWith(step.write, writes)) break
        writes.push(step.write)
      } else if (writes.length > 0) {
        if (step.kind !== 'read') break
        reads.push(step.send)
      } else if (step.kind === 'task') {
        waiting.shift()
        step.run(next)
        return
      } else {
        step.send()
      }
      waiting.shift()
    }
    if (writes.length === 0) {
      this.#waiting.delete(sid)
      return
    }
    this.#writer.write(writes, stored, (storedNow) => {
      for (const send of reads) send()
      next(storedNow)
    })
  }
}

function goesWith(write: Write, [first]: Write[]): boolean {
  return first === undefined || (isMergeable(first) && isMergeable(write))
}

/** Lets a function that others will call keep the async context that it is given in. */
function bind<A extends unknown[]>(f: (...args: A) => void): (...args: A) => void {
  // Not AsyncResource.bind, which takes microseconds in Node 20.
  const context = new AsyncResource('SolidisStore')
  return (...args) => context.runInAsyncScope(f, undefined, ...args)
}

function inContext(write: Write): Write {
  const context = new AsyncResource('SolidisStore')
  return {
    ...write,
    // That of the store needs none, and is known by what it is.
    merge:
      write.merge === mergeSessions
        ? mergeSessions
        : (...versions) => context.runInAsyncScope(write.merge, undefined, ...versions),
    done: (...outcome) => context.runInAsyncScope(write.done, undefined, ...outcome),
  }
}
