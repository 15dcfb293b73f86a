import { randomUUID } from 'node:crypto'
import type { SolidisStore } from 'connect-solidis'
import { reasonOf } from '../errors.ts'
import { printable } from '../format.ts'
import { ask } from '../redis.ts'
import type { Session } from '../store.ts'
import type { Check } from './check.ts'

/** After which the session that is tried with is gone in any case. */
const LIFE_MS = 60_000

/**
 * Does all that a store does, with a session of its own: what the user of Redis may not do fails with the
 * name of the command. No list of commands could be as right.
 * @param index the path of the attribute by which sessions are indexed, if they are
 */
export async function checkRights(store: SolidisStore, index: string | undefined): Promise<Check> {
  const sid = `doctor-${randomUUID()}`
  const denied = new Map<string, string>()
  const attempt = async <T>(what: string, promise: Promise<T>): Promise<T | undefined> => {
    try {
      return await promise
    } catch (error) {
      denied.set(what, reasonOf(error))
      return undefined
    }
  }
  await attempt('set', store.set(sid, newSession(index, sid)))
  const loaded = await attempt('get', store.get(sid))
  await attempt(
    'set',
    store.set(sid, Object.assign(loaded ?? newSession(index, sid), { tried: 1 })),
  )
  await attempt('touch', store.touch(sid, newSession(index, sid)))
  await attempt(
    'update',
    store.update(sid, (session) => Object.assign(session, { tried: 2 })),
  )
  await attempt('exists', store.exists(sid))
  await attempt('iterate', aPageOf(store))
  if (index !== undefined) await attempt('findBy', store.findBy(sid))
  if (index !== undefined) await attempt('destroyBy', store.destroyBy(sid))
  await attempt('destroy', store.destroy(sid))
  const echo = await ask(store.client, 'ECHO', sid)
  if (echo instanceof Error) denied.set('breaker', `ECHO failed: ${echo.message}`)

  const user = await ask(store.client, 'ACL', 'WHOAMI')
  const name = user instanceof Error ? 'this user' : `user ${printable(String(user))}`
  const details = [...denied].map(([what, reason]) => `${what}: ${reason}`)
  return {
    name: 'rights',
    status: denied.size > 0 ? 'failed' : 'ok',
    detail:
      denied.size > 0
        ? `${name} may not do all that the store does: ${details.join('; ')}`
        : `${name} may do all that the store does`,
    data: { denied: Object.fromEntries(denied) },
  }
}

function newSession(index: string | undefined, value: string): Session {
  const cookie = { originalMaxAge: LIFE_MS, expires: new Date(Date.now() + LIFE_MS) }
  const session = { cookie } as Session
  if (index === undefined) return session
  const names = index.split('.')
  let place = session as unknown as Record<string, unknown>
  for (const name of names.slice(0, -1)) {
    place[name] = {}
    place = place[name] as Record<string, unknown>
  }
  place[names.at(-1) as string] = value
  return session
}

/** Not the first that can be read: perhaps none can. */
async function aPageOf(store: SolidisStore): Promise<void> {
  const enough = new AbortController()
  const options = { signal: enough.signal, onProgress: () => enough.abort(enough) }
  await store.all(options).catch((error) => {
    if (error !== enough) throw error
  })
}
