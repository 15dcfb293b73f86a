import expressSession, { type Session, type SessionData } from 'express-session'
import type { SolidisLike, SolidisStore } from '../../lib/index.ts'
import { keyOf, textIn } from './encrypted.ts'

/** A session with whatever attributes a test gives it. */
export type Data = SessionData & Record<string, unknown>
export type RequestSession = Session & Data

/** As much of a request as the sessions of express-session know. */
export interface FakeRequest {
  sessionID: string
  sessionStore: SolidisStore
  session?: RequestSession
}

type ExpressRequest = Parameters<SolidisStore['createSession']>[0]

export const ONE_HOUR_MS = 3_600_000

/** A session as a route would put it: with a cookie that lives for an hour. */
export function data(attributes: Record<string, unknown> = {}): Data {
  const expires = new Date(Date.now() + ONE_HOUR_MS).toISOString()
  const cookie = { originalMaxAge: ONE_HOUR_MS, expires, httpOnly: true, path: '/' }
  return { cookie, ...attributes } as unknown as Data
}

/** A request whose session was loaded as the middleware does it; without one if there is none. */
export async function request(store: SolidisStore, sid: string): Promise<FakeRequest> {
  const req: FakeRequest = { sessionID: sid, sessionStore: store }
  const loaded = await store.get(sid)
  if (loaded !== null) store.createSession(req as unknown as ExpressRequest, loaded)
  return req
}

/** The session of a request that loads it now. */
export async function open(store: SolidisStore, sid: string): Promise<RequestSession> {
  return sessionOf(await request(store, sid))
}

export function sessionOf(req: FakeRequest): RequestSession {
  if (req.session === undefined) throw new Error('The request has no session')
  return req.session
}

/** Equips a store with what the middleware gives it, for `regenerate`. */
export function equip(store: SolidisStore): SolidisStore {
  expressSession({ store, secret: 'secret', resave: false, saveUninitialized: false })
  return store
}

/** Calls a method that takes a callback, as routes call them. */
function settled(call: (callback: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()))
  })
}

export const save = (session: RequestSession) => settled((done) => session.save(done))
export const touch = (session: RequestSession) =>
  settled((done) => storeOf(session).touch(session.id, session, done))
export const destroy = (session: RequestSession) => settled((done) => session.destroy(done))
export const regenerate = (session: RequestSession) => settled((done) => session.regenerate(done))

/** Gives the session object that the request has after it. */
export async function reload(req: FakeRequest): Promise<RequestSession> {
  await settled((done) => sessionOf(req).reload(done))
  return sessionOf(req)
}

function storeOf(session: Session): SolidisStore {
  return (session as unknown as { req: FakeRequest }).req.sessionStore
}

/** Moves the end of a session's life, as the middleware does before it saves or touches. */
export function expireAt(session: SessionData, time: number): void {
  const { originalMaxAge } = session.cookie
  session.cookie.expires = new Date(time)
  // The setter counts it anew from the clock, which may tick in between.
  session.cookie.originalMaxAge = originalMaxAge
}

export function attributesOf(session: object): Record<string, unknown> {
  // The tag is of the store, which shows it to nobody.
  const { cookie, $solidis, ...attributes } = session as Data
  return attributes
}

/** The reply to one command, asked past any store. */
export async function ask(client: SolidisLike, ...command: string[]): Promise<unknown> {
  const [replies] = await client.send([command])
  const reply = replies?.[0]
  if (reply instanceof Error) throw reply
  return reply
}

/** The attributes that Redis holds of a session, or `null` if it has none. */
export async function stored(store: SolidisStore, sid: string) {
  const payload = await ask(store.client, 'GET', keyOf(store, sid))
  return payload === null ? null : attributesOf(JSON.parse(textIn(store.prefix, sid, payload)))
}
