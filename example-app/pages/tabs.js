import { setTimeout as sleep } from 'node:timers/promises'
import { Router } from 'express'
import { LastWriteWins } from '../last-write-wins.js'
import { call } from '../login.js'
import { page } from '../render.js'

const UPLOAD_MS = 900
const PICTURES = ['fox.png', 'owl.png', 'bee.png', 'whale.png', 'turtle.png', 'hedgehog.png']

/**
 * Two tabs: two requests of one session overlap, each changes another attribute. Beside the session of
 * the request stands one in a store without conflict checks, with which the same is done.
 */
export function tabs(plain) {
  const router = Router()
  const other = new LastWriteWins(plain, 'last-write-wins:')

  router.get('/', async (req, res) => {
    page(req, res, 'tabs', { kept: ownOf(req.session), lost: await otherOf(req) })
  })

  // Slow: what it writes at the end, it has loaded nearly a second before.
  router.post(
    '/picture',
    change(UPLOAD_MS, (session) => {
      session.picture = PICTURES[(PICTURES.indexOf(session.picture) + 1) % PICTURES.length]
    }),
  )

  // Quick: it begins and ends while the other one is at work.
  router.post(
    '/cart',
    change(0, (session) => {
      session.cart = (session.cart ?? 0) + 1
    }),
  )

  router.get('/result', async (req, res) => {
    res.json({ kept: ownOf(req.session), lost: await otherOf(req) })
  })

  return router

  function change(takesMs, apply) {
    return async (req, res) => {
      const lost = await otherOf(req)
      const loadedAt = Date.now()
      await sleep(takesMs)
      apply(req.session)
      apply(lost)
      await Promise.all([call(req.session, 'save'), other.set(req.sessionID, lost)])
      res.json({ loadedAt, savedAt: Date.now() })
    }
  }

  async function otherOf(req) {
    return (await other.get(req.sessionID)) ?? ownOf(req.session)
  }
}

function ownOf({ picture = 'none', cart = 0 }) {
  return { picture, cart }
}
