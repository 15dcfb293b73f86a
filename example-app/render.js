import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import { faults } from './faults.js'
import { generateCsrfToken } from './security.js'
import { userOf } from './users.js'

const eta = new Eta({ views: fileURLToPath(new URL('views', import.meta.url)), cache: true })

/** A part of a page, as HTML. */
export function part(view, data) {
  return eta.render(view, data)
}

/** Answers with a page, in the frame that all pages have. */
export function page(req, res, view, data = {}) {
  const { session } = req
  res.send(
    part(view, {
      ...data,
      user: userOf(session?.userId),
      // Then nobody knows who this is, which must not look like "signed out".
      isUnreachable: session === null,
      path: req.baseUrl + req.path,
      // "Break it" shows pages within itself, which have no need of a second frame there.
      isFramed: req.get('Sec-Fetch-Dest') === 'iframe',
      hasFaults: faults !== undefined,
      // Without a session, as while Redis fails, there is no form that would need one.
      csrf: session && req.cookies ? generateCsrfToken(req, res) : undefined,
    }),
  )
}
