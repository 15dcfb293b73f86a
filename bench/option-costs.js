// What the options of connect-solidis cost and save, each beside the defaults.
import { estimateMs, measureCells } from './interleave.js'
import { openOurs } from './stores.js'

const DEFAULT = 'default'

const asyncJson = {
  parse: async (text) => JSON.parse(text),
  stringify: async (session) => JSON.stringify(session),
}

const VARIANTS = [
  variant(DEFAULT, 'all defaults', {}),
  variant('timeout-0', '`timeout: 0`', { timeout: 0 }),
  variant('disable-ttl', '`disableTTL: true`', { disableTTL: true }),
  variant('disable-touch', '`disableTouch: true`', { disableTouch: true }),
  variant('touch-after', '`touchAfter: 60`', { touchAfter: 60 }),
  variant('overwrite', "`onConflict: 'overwrite'`", { onConflict: 'overwrite' }),
  variant('async-serializer', 'an asynchronous `serializer`', { serializer: asyncJson }),
]

export const optionCosts = {
  variants: VARIANTS.map(({ name, label }) => ({ name, label })),
  estimateMs: ({ plan, isWanted }) => (isWanted('options') ? estimateMs(cellsOf(plan), plan) : 0),
  async run(context) {
    if (!context.isWanted('options')) return []
    return measureCells(cellsOf(context.plan), VARIANTS, { ...context, baseline: DEFAULT })
  },
}

function variant(name, label, options) {
  return { name, label, open: (url, prefix) => openOurs(url, prefix, options) }
}

function cellsOf({ usualConcurrency: concurrency, usualPayload: payload }) {
  const stores = VARIANTS.map(({ name }) => name)
  return ['reading', 'writing'].map((workload) => ({ workload, concurrency, payload, stores }))
}
