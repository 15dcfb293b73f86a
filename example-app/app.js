import { fileURLToPath } from 'node:url'
import express from 'express'
import { api, ready } from './api.js'
import { production, redisUrl } from './config.js'
import { answerError, answerNotFound } from './errors.js'
import { faults } from './faults.js'
import { onOutage } from './outages.js'
import { breakIt } from './pages/break.js'
import { pages } from './pages/pages.js'
import { openPlainRedis, openRedis } from './redis.js'
import { headers, refuseOtherSites } from './security.js'
import { serve } from './serve.js'
import { openSessions } from './session.js'

const { client, close } = await openRedis(redisUrl)
const { store, sessions } = openSessions(client)
const plain = await openPlainRedis(redisUrl)

onOutage(store, {
  began: (cause) => console.error(`Redis does not answer: ${cause.message}`),
  ended: () => console.error('Redis answers again'),
})
store.on('touchFailed', ({ error }) => console.error(`a session lives no longer: ${error.message}`))

const app = express()
// In production TLS ends at a proxy, whose word on it a secure cookie needs.
app.set('trust proxy', production ? 1 : false)
app.use(headers, express.static(fileURLToPath(new URL('public', import.meta.url))))
app.get('/ready', ready(store))
app.use(refuseOtherSites)
app.use('/api', express.json(), sessions, api(store))
if (faults) app.use('/break', breakIt(store, sessions))
app.use(express.urlencoded({ extended: false }), sessions, pages(store, plain))
app.use(answerNotFound, answerError)

serve(app, () => {
  plain.close()
  return close()
})
