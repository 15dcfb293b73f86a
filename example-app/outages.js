/** Tells when the store finds that Redis does not answer any more, and when it does again. */
export function onOutage(store, { began, ended }) {
  let isOut = false
  store.on('breaker', ({ state, cause }) => {
    // Between the two, it is open and half open by turns: each time it looks for Redis.
    if (state === 'open' && !isOut) began(cause)
    if (state === 'closed') ended()
    isOut = state !== 'closed'
  })
}
