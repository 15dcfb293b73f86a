import cookieParser from 'cookie-parser'
import { doubleCsrf } from 'csrf-csrf'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { production, sessionSecret } from './config.js'
import { faults } from './faults.js'

const WRONG_PASSWORDS_A_MINUTE = 10
const TOO_MANY = 'Too many wrong passwords. Please try again in a minute.'

/** Scripts, styles and pictures come from this site's own files, and from nowhere else. */
export const headers = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      baseUri: ["'none'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      // "Break it" shows beside itself what a visitor sees.
      frameAncestors: [faults ? "'self'" : "'none'"],
      frameSrc: [faults ? "'self'" : "'none'"],
      imgSrc: ["'self'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
    },
  },
  strictTransportSecurity: production,
})

/** What a user sees must not come back out of a cache after the logout. */
export function noStore(_req, res, next) {
  res.set('Cache-Control', 'no-store')
  next()
}

/** Browsers say where a request comes from; what no browser has sent carries nobody's cookie. */
export function refuseOtherSites(req, res, next) {
  const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(req.method)
  const from = req.get('Sec-Fetch-Site') ?? 'none'
  if (isSafe || from === 'none' || from === 'same-origin') return next()
  res.status(403).json({ error: 'Requests from other sites are not accepted' })
}

/** Only wrong passwords count. For a site of several processes, give it a store that they share. */
export const limitLogins = rateLimit({
  windowMs: 60_000,
  limit: WRONG_PASSWORDS_A_MINUTE,
  skipSuccessfulRequests: true,
  requestWasSuccessful: (_req, res) => res.statusCode !== 401,
  standardHeaders: 'draft-8',
  legacyHeaders: false,
  handler: (_req, _res, next) => {
    next(Object.assign(new Error(TOO_MANY), { status: 429, expose: true }))
  },
})

// The token is in a cookie of its own, so a visitor who only looks at the sign-in page needs no session.
const { doubleCsrfProtection, generateCsrfToken } = doubleCsrf({
  getSecret: () => sessionSecret,
  getSessionIdentifier: ({ session, sessionID }) => (session.userId ? sessionID : 'nobody'),
  getCsrfTokenFromRequest: (req) => req.body?.csrf ?? req.get('X-CSRF-Token'),
  cookieName: production ? '__Host-csrf' : 'csrf',
  cookieOptions: { secure: production, sameSite: 'strict' },
  errorConfig: { message: 'This page was out of date. Please go back, load it again, and retry.' },
})

/** Gives the token that each form carries. */
export { generateCsrfToken }

/** Refuses what no page of this site has sent. */
export const csrf = [cookieParser(), doubleCsrfProtection]
