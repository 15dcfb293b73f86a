import { RedisError } from 'connect-solidis'

export function answerNotFound(req, res) {
  res.status(404).json({ error: `There is no ${req.method} ${req.originalUrl}` })
}

/** Answers in JSON, with nothing of what only the log should know. */
export function answerError(error, _req, res, next) {
  if (res.headersSent) return next(error)
  const [status, message] = describe(error)
  if (status >= 500) console.error(status === 503 ? error.message : error)
  res.status(status).json({ error: message })
}

function describe(error) {
  if (error instanceof RedisError) {
    return [503, 'The session store is not available. Please try again in a moment.']
  }
  // Express marks so what is the client's mistake: bad JSON, a body too large.
  if (error.expose) return [error.status, error.message]
  return [500, 'Internal server error']
}
