import { Router } from 'express'
import { chartOf } from '../chart.js'
import { Counts } from '../counts.js'
import { lastSeenAt } from '../last-seen.js'
import { livePage } from '../live.js'
import { page } from '../render.js'
import { allUsers } from '../users.js'

/** Admin: how many sessions there are, and of whom. */
export function admin(store) {
  const router = Router()
  const counts = new Counts(store)

  router.get('/', async (req, res) => {
    page(req, res, 'admin', await look(req))
  })

  router.get('/live', livePage(store, 'admin-part', look))

  router.post('/end', async (req, res) => {
    // An admin who ends all of the admin's own keeps the one at hand.
    const except = req.sessionID
    await store.destroyBy(String(req.body.userId), { except })
    res.redirect(303, '/admin')
  })

  return router

  async function look({ user }) {
    const samples = await counts.recent()
    const users = await Promise.all(allUsers().map((one) => summarize(one, user)))
    const total = samples.at(-1).count
    const peak = Math.max(...samples.map(({ count }) => count))
    return { total, peak, state: store.state, users, chart: chartOf(samples) }
  }

  async function summarize({ userId, username }, admin) {
    const found = await store.findBy(userId)
    const latest = found.map(lastSeenAt).toSorted((a, b) => b - a)[0]
    const isOwn = userId === admin.userId
    return { userId, username, sessions: found.length, latest, isOwn }
  }
}
