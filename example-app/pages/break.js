import { RedisError } from 'connect-solidis'
import cookieParser from 'cookie-parser'
import express, { Router } from 'express'
import { faults } from '../faults.js'
import { sendLive } from '../live.js'
import { onOutage } from '../outages.js'
import { page } from '../render.js'
import { noStore } from '../security.js'

const FAULTS = ['slow', 'freeze', 'stop', 'mend']
const REMEMBERED = 5

/** Break it: what a site does while Redis fails. It has to work just then, so it needs no session. */
export function breakIt(store, sessions) {
  const router = Router()
  const said = []
  const say = (text) => {
    said.unshift({ at: new Date(), text })
    said.splice(REMEMBERED)
  }
  onOutage(store, {
    began: (cause) => say(`Breaker opened: ${cause.message}`),
    ended: () => say('Breaker closed: Redis answers again'),
  })
  store.on('touchFailed', ({ error }) => say(`A session was not extended: ${error.message}`))

  router.use(noStore)
  // With its user while there is Redis, without one else.
  router.get('/', cookieParser(), withoutRedisToo(sessions), (req, res) => {
    page(req, res, 'break', look())
  })

  router.get('/live', (_req, res) => sendLive(res, 'break-part', look))

  router.post('/', express.urlencoded({ extended: false }), (req, res) => {
    const { fault } = req.body ?? {}
    if (FAULTS.includes(fault)) faults.cause(fault)
    res.redirect(303, '/break')
  })

  return router

  function look() {
    return { redis: faults.redis, state: store.state, said }
  }
}

function withoutRedisToo(sessions) {
  return (req, res, next) => {
    sessions(req, res, (error) => {
      if (!(error instanceof RedisError)) return next(error)
      req.session = null
      next()
    })
  }
}
