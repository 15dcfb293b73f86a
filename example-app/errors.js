import { RedisError } from 'connect-solidis'

/** The store looks for Redis at least once a second. */
const RETRY_AFTER_SECONDS = '2'
const UNAVAILABLE = 'The session store is not available. Please try again in a moment.'

export function answerNotFound(req, res) {
  res.status(404).json({ error: `There is no ${req.method} ${req.originalUrl}` })
}

/** Answers in JSON, or a page to a browser, with nothing of what only the log should know. */
export function answerError(error, req, res, next) {
  if (res.headersSent) return next(error)
  const [status, message] = describe(error)
  if (status >= 500) console.error(status === 503 ? error.message : error)
  if (status === 503) {
    res.set('Retry-After', RETRY_AFTER_SECONDS)
    // Else express-session sets a cookie, though the session may not be there.
    req.session = null
  }
  res.status(status)
  if (req.accepts(['json', 'html']) === 'html') res.send(`<!doctype html><p>${message}</p>`)
  else res.json({ error: message })
}

function describe(error) {
  if (error instanceof RedisError) return [503, UNAVAILABLE]
  // Express marks so what is the client's mistake: bad JSON, a body too large.
  if (error.expose) return [error.status, error.message]
  return [500, 'Internal server error']
}
