import type { SessionData } from 'express-session'
import type { Callback, SessionWithId, SolidisStore } from '../../lib/index.ts'
import { data } from './requests.ts'

/** The methods of a store, each of which gives a promise. */
export interface Promised {
  get(sid: string): Promise<SessionData | null>
  set(sid: string, session: SessionData): Promise<void>
  destroy(sid: string): Promise<void>
  touch(sid: string, session: SessionData): Promise<void>
  all(): Promise<SessionWithId[]>
  length(): Promise<number>
  clear(): Promise<void>
  ids(): Promise<string[]>
  exists(sid: string): Promise<boolean>
}

/** The methods of a store, each called with a callback. */
export function viaCallbacks(store: SolidisStore): Promised {
  return {
    get: (sid) => called((callback) => store.get(sid, callback)),
    set: (sid, session) => called((callback) => store.set(sid, session, callback)),
    destroy: (sid) => called((callback) => store.destroy(sid, callback)),
    touch: (sid, session) => called((callback) => store.touch(sid, session, callback)),
    all: () => called((callback) => store.all(callback)),
    length: () => called((callback) => store.length(callback)),
    clear: () => called((callback) => store.clear(callback)),
    ids: () => called((callback) => store.ids(callback)),
    exists: (sid) => called((callback) => store.exists(sid, callback)),
  }
}

function called<T>(call: (callback: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null ? resolve(result as T) : reject(error)))
  })
}

/** One call of every method, by the command that it sends first. */
export const calls: [
  method: string,
  command: string,
  call: (store: Promised) => Promise<unknown>,
][] = [
  ['get', 'GET', (store) => store.get('the-sid')],
  ['set', 'SET', (store) => store.set('the-sid', data({ secret: 'the-payload' }))],
  ['destroy', 'UNLINK', (store) => store.destroy('the-sid')],
  ['touch', 'PEXPIRE', (store) => store.touch('the-sid', data({ secret: 'the-payload' }))],
  ['all', 'SCAN', (store) => store.all()],
  ['length', 'SCAN', (store) => store.length()],
  ['clear', 'SCAN', (store) => store.clear()],
  ['ids', 'SCAN', (store) => store.ids()],
  ['exists', 'EXISTS', (store) => store.exists('the-sid')],
]

/** What a promise is rejected with; fails if it is not. */
export async function rejection<E = Error & { code?: string; command?: string; sid?: string }>(
  promise: Promise<unknown>,
): Promise<E> {
  let result: unknown
  try {
    result = await promise
  } catch (error) {
    return error as E
  }
  throw new Error(`Expected a rejection, got ${JSON.stringify(result)}`)
}
