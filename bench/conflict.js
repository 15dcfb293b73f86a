// What the conflict check of `set` costs: the same sessions saved with and without it.

import { estimateMs, measureCells } from './interleave.js'
import { loadSession, sessionId } from './sessions.js'
import { openOurs } from './stores.js'
import { POOL, WORKLOADS } from './workloads.js'

const PLAIN = 'plain'

const VARIANTS = [
  {
    name: 'checked',
    label: '`set` of a loaded session (compare and set)',
    open: openSaving(asLoaded),
  },
  {
    name: PLAIN,
    label: '`set` of the same as a plain object (no comparison)',
    open: openSaving((session) => ({ ...session })),
  },
]

/** Sessions that are loaded beforehand, then saved again and again. */
const saving = {
  ...WORKLOADS.writing,
  async prepare(bench) {
    await WORKLOADS.writing.prepare(bench)
    bench.sessions = await Promise.all(
      Array.from({ length: POOL }, async (_, slot) => bench.toSave(await load(bench.store, slot))),
    )
  },
  call({ store, sessions, writes }, slot, done) {
    const session = sessions[slot]
    writes[slot]++
    session.views++
    session.cookie.maxAge = session.cookie.originalMaxAge
    store.set(sessionId(slot), session, done)
  },
}

export const conflict = {
  variants: VARIANTS.map(({ name, label }) => ({ name, label })),
  estimateMs: ({ plan, isWanted }) => (isWanted('conflict') ? estimateMs(cellsOf(plan), plan) : 0),
  async run(context) {
    if (!context.isWanted('conflict')) return []
    const workloads = { saving }
    return measureCells(cellsOf(context.plan), VARIANTS, { ...context, workloads, baseline: PLAIN })
  },
}

function cellsOf(plan) {
  const stores = VARIANTS.map(({ name }) => name)
  const concurrency = plan.usualConcurrency
  return plan.payloads.map((payload) => ({ workload: 'saving', concurrency, payload, stores }))
}

function openSaving(toSave, options) {
  return async (url, prefix) => ({ ...(await openOurs(url, prefix, options)), toSave })
}

function asLoaded(session) {
  return session
}

function load(store, slot) {
  return new Promise((resolve, reject) => {
    loadSession(store, sessionId(slot), (error, session) =>
      error ? reject(error) : resolve(session),
    )
  })
}
