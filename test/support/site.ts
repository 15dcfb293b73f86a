import express, { type Express, type Request } from 'express'
import session, { type SessionOptions } from 'express-session'
import { agent } from 'supertest'
import type { RequestSession } from './requests.ts'

type Site = Partial<SessionOptions> & Pick<SessionOptions, 'store'>

/** A site with a login, whose sessions are in the given store. */
export function createSite(options: Site): Express {
  const app = express()
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false, ...options }))
  app.post('/login/:user', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error)
      attributes(req).user = req.params.user
      res.json({ sid: req.sessionID })
    })
  })
  app.get('/profile', (req, res) => {
    res.status(attributes(req).user ? 200 : 401).json(describe(req))
  })
  app.post('/note/:note', (req, res) => {
    attributes(req).note = req.params.note
    res.json(describe(req))
  })
  app.post('/until-closed', (req, res) => {
    // As the documentation of express-session has it.
    Object.assign(req.session.cookie, { expires: false })
    res.end()
  })
  app.post('/save', (req, res, next) => {
    req.session.save((error) => (error ? next(error) : res.json(describe(req))))
  })
  app.post('/reload', (req, res, next) => {
    attributes(req).note = 'never saved'
    req.session.reload((error) => (error ? next(error) : res.json(describe(req))))
  })
  app.post('/unset', (req, res) => {
    Reflect.deleteProperty(req, 'session')
    res.end()
  })
  app.post('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.end()))
  })
  app.use(((error, _req, res, _next) => {
    res.status(500).json({ name: error.name, code: error.code, message: error.message })
  }) as express.ErrorRequestHandler)
  return app
}

function attributes(req: Request): RequestSession {
  return req.session as RequestSession
}

function describe(req: Request) {
  const { user, note, cookie } = attributes(req)
  return { sid: req.sessionID, user, note, expires: cookie.expires }
}

/** A browser with a cookie jar, and the id of the session that it is logged in with. */
export async function logIn(site: Express, user = 'ann') {
  const browser = agent(site)
  const { body } = await browser.post(`/login/${user}`).expect(200)
  return { browser, sid: body.sid as string }
}
