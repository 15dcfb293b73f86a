import { promisify } from 'node:util'
import { rememberedMs } from './config.js'

/** Begins a session of a user, and resolves when Redis has it. */
export async function logIn(req, { userId, username, email }, { remember = false } = {}) {
  // A new id, so that nobody can log a victim in to a session whose id they know.
  await call(req.session, 'regenerate')
  const agent = req.get('User-Agent')?.slice(0, 300)
  Object.assign(req.session, { userId, username, email, createdAt: Date.now(), agent })
  if (remember) req.session.cookie.maxAge = rememberedMs
  // Saved before the answer, which else would promise a login that Redis may yet refuse.
  await call(req.session, 'save')
}

/** Ends the session of a request. */
export async function logOut(req, res) {
  await call(req.session, 'destroy')
  res.clearCookie('connect.sid')
}

/** The methods of a session take a callback. */
export function call(session, method) {
  return promisify(session[method]).call(session)
}
