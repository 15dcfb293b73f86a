import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type CallTrace, calls } from './channels.ts'

let isAsked = false

/**
 * Has each call written to where `debug` writes, if `DEBUG` asks for that, as it does for
 * express-session, by whose copy of `debug` it is done.
 */
export function debugCalls(): void {
  if (isAsked || !process.env.DEBUG) return
  isAsked = true
  const log = loadDebug()?.('connect-solidis')
  if (!log?.enabled) return
  const beganAt = new WeakMap<CallTrace, number>()
  calls.start.subscribe((call) => beganAt.set(call as CallTrace, performance.now()))
  calls.asyncStart.subscribe((call) => {
    const ms = performance.now() - (beganAt.get(call as CallTrace) ?? Number.NaN)
    log(lineOf(call as CallTrace, ms))
  })
}

function lineOf({ method, outcome, code, bytes }: CallTrace, ms: number): string {
  const size = bytes === undefined ? [] : [`${bytes} bytes`]
  return [
    method,
    outcome,
    ...(code === undefined ? [] : [code]),
    `${ms.toFixed(1)} ms`,
    ...size,
  ].join(' ')
}

interface Log {
  (line: string): void
  readonly enabled: boolean
}

/** From where the app is, since this file does not know where it is itself: it is built for ESM and CommonJS. */
function loadDebug(): ((name: string) => Log) | undefined {
  for (const app of [process.argv[1], join(process.cwd(), 'app.js')]) {
    try {
      const session = createRequire(app as string).resolve('express-session')
      return createRequire(session)('debug')
    } catch {
      // There is none.
    }
  }
  return undefined
}
