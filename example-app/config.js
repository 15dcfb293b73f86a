import { stop } from './stop.js'

// Known to everybody, but the same after a restart, so that logins survive it.
const DEVELOPMENT_SECRET = 'only for development'

const { ADMIN_PASSWORD, HOST, IDLE_SECONDS, NODE_ENV, PORT, REDIS_URL } = process.env
const { SESSION_ENCRYPTION_SECRETS, SESSION_SECRET } = process.env

export const production = NODE_ENV === 'production'
export const sessionSecret = SESSION_SECRET || DEVELOPMENT_SECRET
if (production && !SESSION_SECRET) {
  stop('SESSION_SECRET is not set. In production it must be: to a long, random text.')
}

/** With it, sessions are encrypted. Those that are there already stay readable, so that all stay signed in. */
export const encryption = SESSION_ENCRYPTION_SECRETS
  ? { secrets: SESSION_ENCRYPTION_SECRETS.split(','), acceptPlain: true }
  : undefined
if (encryption?.secrets.some((secret) => secret.length < 32)) {
  stop('SESSION_ENCRYPTION_SECRETS is too short. Take what `openssl rand -base64 32` prints.')
}

/** In production there is no admin, unless one is asked for. */
export const adminPassword = ADMIN_PASSWORD || (production ? undefined : 'admin')

export const redisUrl = REDIS_URL || 'redis://127.0.0.1:6379'
if (!/^rediss?:\/\/[^/]+(\/\d*)?$/.test(redisUrl) || !URL.canParse(redisUrl)) {
  stop('REDIS_URL is not a URL such as redis://127.0.0.1:6379')
}

/** So long a session lives without a request. */
export const idleMs = Number(IDLE_SECONDS || 60 * 60) * 1000
if (!(idleMs > 0)) stop(`IDLE_SECONDS is not a number of seconds: ${IDLE_SECONDS}`)
/** The same for who asks to be remembered. */
export const rememberedMs = 30 * 24 * 60 * 60 * 1000

// In a container it must be 0.0.0.0; elsewhere nobody but this machine and its proxy needs access.
export const host = HOST || '127.0.0.1'
export const port = Number(PORT || 3000)
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  stop(`PORT is not a number from 0 to 65535: ${PORT}`)
}
