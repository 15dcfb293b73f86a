/** When a session that `findBy` has found was last used: each request lets it live for maxAge from then on. */
export function lastSeenAt({ session, expiresAt }) {
  return new Date(expiresAt - session.cookie.originalMaxAge)
}
