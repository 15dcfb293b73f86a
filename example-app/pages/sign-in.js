import { Router } from 'express'
import { production } from '../config.js'
import { logIn, logOut } from '../login.js'
import { page } from '../render.js'
import { limitLogins } from '../security.js'
import { findUser, userOf } from '../users.js'

const FIRST_PAGE = '/session'
const AFTER_LOGIN = [FIRST_PAGE, '/devices', '/tabs', '/admin']
const NOTICES = {
  ended: 'Your session is over: it was not used for too long, or somebody has ended it.',
  out: 'You are signed out.',
  next: 'Please sign in to see that page.',
}

/** Sign in, and sign out. */
export function signIn() {
  const router = Router()

  router.get('/', (req, res) => {
    const { next } = req.query
    if (userOf(req.session.userId)) return res.redirect(303, pageAfterLogin(next))
    const notice = Object.keys(NOTICES).find((name) => name in req.query)
    show(req, res, { next, notice: NOTICES[notice] })
  })

  router.post('/', limitLogins, async (req, res) => {
    const { username, password, remember, next } = req.body
    const areText = typeof username === 'string' && typeof password === 'string'
    const user = areText ? await findUser(username, password) : undefined
    if (!user) {
      res.status(401)
      return show(req, res, {
        username,
        next,
        problem: 'This name and password do not go together.',
      })
    }
    await logIn(req, user, { remember: remember === 'on' })
    res.redirect(303, pageAfterLogin(next))
  })

  router.post('/logout', async (req, res) => {
    await logOut(req, res)
    res.redirect(303, '/?out')
  })

  return router
}

function show(req, res, data) {
  page(req, res, 'sign-in', { username: '', ...data, showsUsers: !production })
}

/** Never to another site, whatever the link says that led here. */
function pageAfterLogin(next) {
  return AFTER_LOGIN.includes(next) ? next : FIRST_PAGE
}
