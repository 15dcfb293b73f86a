import { Router } from 'express'
import { browserName } from '../browser-name.js'
import { lastSeenAt } from '../last-seen.js'
import { livePage } from '../live.js'
import { page } from '../render.js'

/** Your devices: where a user is signed in, and how to end it there. */
export function devices(store) {
  const router = Router()

  router.get('/', async (req, res) => {
    const ended = /^\d{1,4}$/.test(req.query.ended) ? Number(req.query.ended) : undefined
    page(req, res, 'devices', { ...(await find(req.user, req.sessionID)), ended })
  })

  router.get(
    '/live',
    livePage(store, 'devices-part', ({ user, sid }) => find(user, sid)),
  )

  router.post('/end', async (req, res) => {
    const only = String(req.body.handle)
    answer(res, await store.destroyBy(req.user.userId, { only }))
  })

  router.post('/end-others', async (req, res) => {
    answer(res, await store.destroyBy(req.user.userId, { except: req.sessionID }))
  })

  return router

  async function find({ userId }, ownSid) {
    const found = await store.findBy(userId)
    const devices = found.map((one) => ({
      ...browserName(one.session.agent),
      handle: one.handle, // never the sid, with which anybody could be that device
      startedAt: new Date(one.session.createdAt),
      lastSeenAt: lastSeenAt(one),
      keptMs: one.session.cookie.originalMaxAge,
      isThisOne: one.sid === ownSid,
    }))
    return { devices: devices.toSorted((a, b) => b.isThisOne - a.isThisOne) }
  }

  function answer(res, ended) {
    res.redirect(303, `/devices?ended=${ended}`)
  }
}
