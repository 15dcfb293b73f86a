import { Router } from 'express'
import { livePage } from '../live.js'
import { page } from '../render.js'

/** Your session: what Redis holds at this moment. */
export function sessionPage(store, plain) {
  const router = Router()

  router.get('/', async (req, res) => {
    const held = await look(req.sessionID)
    if (held === undefined) return res.redirect(303, '/?ended')
    page(req, res, 'session', { ...held, session: req.session })
  })

  router.get(
    '/live',
    livePage(store, 'session-part', ({ sid }) => look(sid)),
  )

  return router

  async function look(sid) {
    const key = store.prefix + sid
    const [payload, remainingMs] = await Promise.all([
      plain.run('GET', key),
      plain.run('PTTL', key),
    ])
    if (payload === null) return undefined
    return {
      // Who has the id has the session, so not even its owner sees all of it on a page.
      key: `${store.prefix}${sid.slice(0, 6)}…`,
      payload,
      bytes: Buffer.byteLength(payload),
      // What is encrypted begins so; JSON never does.
      isEncrypted: payload.startsWith('$'),
      // Rounded, since what is the same is not sent again.
      endsAt: new Date(Math.round((Date.now() + remainingMs) / 1000) * 1000),
    }
  }
}
