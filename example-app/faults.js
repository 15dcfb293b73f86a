import { production } from './config.js'

const isOffered = Boolean(process.env.EXAMPLE_PRIVATE_REDIS) && process.send !== undefined

/**
 * What "Break it" may do to the private Redis of `npm start`, which does it (scripts/start-example.js).
 * Undefined with any other Redis, and in production.
 */
export const faults = isOffered && !production ? listen() : undefined

function listen() {
  let redis = 'running'
  process.on('message', (message) => {
    redis = message.redis
  })
  // Else the app would not end while its launcher is there.
  process.channel?.unref()
  return {
    get redis() {
      return redis
    },
    /** @param fault `'slow'`, `'freeze'`, `'stop'`, or `'mend'` */
    cause(fault) {
      process.send({ fault })
    },
  }
}
