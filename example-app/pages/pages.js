import { Router } from 'express'
import { csrf, noStore } from '../security.js'
import { userOf } from '../users.js'
import { admin } from './admin.js'
import { devices } from './devices.js'
import { sessionPage } from './session.js'
import { signIn } from './sign-in.js'
import { tabs } from './tabs.js'

/** All pages that know who is signed in. */
export function pages(store, plain) {
  const router = Router()
  router.use(noStore, csrf, signIn())
  router.use('/session', signedIn, sessionPage(store, plain))
  router.use('/devices', signedIn, devices(store))
  router.use('/tabs', signedIn, tabs(plain))
  router.use('/admin', signedIn, adminsOnly, admin(store))
  return router
}

function signedIn(req, res, next) {
  req.user = userOf(req.session.userId)
  if (req.user) return next()
  res.redirect(303, `/?${new URLSearchParams({ next: req.baseUrl })}`)
}

function adminsOnly(req, _res, next) {
  next(
    req.user.isAdmin
      ? undefined
      : Object.assign(new Error(NOT_ADMIN), { status: 403, expose: true }),
  )
}
const NOT_ADMIN = 'This page is for admins. Sign in as one to see it.'
