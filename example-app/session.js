import { SolidisStore } from 'connect-solidis'
import session from 'express-session'
import { encryption, idleMs, production, sessionSecret } from './config.js'

/** The store, and the middleware that gives a request its session: all that a site needs of this package. */
export function openSessions(client) {
  const store = new SolidisStore({
    client,
    indexBy: ({ userId }) => userId, // for "Your devices"
    encryption, // none, unless the environment has a secret
    timeout: 2000,
  })
  const sessions = session({
    store,
    secret: sessionSecret,
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { httpOnly: true, sameSite: 'strict', secure: production, maxAge: idleMs },
  })
  return { store, sessions }
}
