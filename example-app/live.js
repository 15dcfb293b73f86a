import { setTimeout as sleep } from 'node:timers/promises'
import { RedisError } from 'connect-solidis'
import { part } from './render.js'

const EVERY_MS = 1000
const UNAVAILABLE = Symbol('unavailable')

/**
 * Sends a part of a page whenever it changes, as server-sent events, until the browser leaves.
 * @param read gives the data of the view, or undefined if the user is to see no more of it
 */
export async function sendLive(res, view, read) {
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders()
  let isOpen = true
  res.on('close', () => {
    isOpen = false
  })
  const send = (event, data) => res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  for (let shown; isOpen; await sleep(EVERY_MS, undefined, { ref: false })) {
    const now = await attempt(read)
    if (now === undefined) return res.end('event: over\ndata: {}\n\n')
    const html = now === UNAVAILABLE ? now : part(view, now)
    if (html === shown) continue
    shown = html
    if (now === UNAVAILABLE) send('unavailable', {})
    else send('part', html)
  }
}

/** For a page of a user, who sees no more of it once the session is over. */
export function livePage(store, view, read) {
  return async (req, res) => {
    const { sessionID, user } = req
    // Looking on is no activity. Without this, a page left open would keep its session alive.
    req.session = null
    await sendLive(res, view, async () => {
      if (!(await store.exists(sessionID))) return undefined
      return read({ sid: sessionID, user })
    })
  }
}

async function attempt(read) {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RedisError) return UNAVAILABLE
    throw error
  }
}
