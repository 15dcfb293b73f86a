// `length`, `all` and `clear` of very many sessions, each by a process of its own, which can tell what
// memory it took and for how long nothing else could run.
import { startChild } from './child.js'
import { rotate } from './interleave.js'
import { attributesOf, textOf } from './sessions.js'
import { summary } from './stats.js'
import { RedisStorage } from './storage.js'

export const BIG_METHODS = ['length', 'all', 'clear']
const PAYLOAD = 300
const START_MS = 350
const MS_A_SESSION = { length: 0.003, all: 0.012, clear: 0.007 }
const GIVE_UP_AFTER_MS = 120_000

export const big = {
  payload: PAYLOAD,

  estimateMs(context) {
    let ms = 0
    for (const size of sizesOf(context)) {
      const calls = storesOf(context, size).length * size.repeats
      for (const method of BIG_METHODS) ms += calls * stepMs(method, size.sessions)
    }
    return ms
  },

  async run(context) {
    const results = []
    for (const size of sizesOf(context)) results.push(...(await measureSize(context, size)))
    return results
  },
}

async function measureSize(context, size) {
  const { url, prefix, progress } = context
  const { sessions, repeats } = size
  const sharedPrefix = `${prefix}big:`
  const storage = await RedisStorage.connect(url, sharedPrefix)
  const fill = () => storage.fillMany(sessions, textOf(attributesOf(PAYLOAD)))
  const names = storesOf(context, size)
  const results = BIG_METHODS.flatMap((method) =>
    names.map((store) => ({ method, sessions, store, samples: [] })),
  )
  try {
    await fill()
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const method of BIG_METHODS) {
        for (const store of rotate(names, repeat)) {
          const what = `${method} of ${sessions} sessions, ${store}`
          progress.step(stepMs(method, sessions), `repeat ${repeat + 1}: ${what}`)
          const task = { store, method, sessions, url, prefix: sharedPrefix, payload: PAYLOAD }
          const result = results.find((r) => r.method === method && r.store === store)
          result.samples.push(await measureOne(task))
          if (method === 'clear' && store !== 'memory') await fill()
        }
      }
    }
  } finally {
    await storage.close()
  }
  return results.map(summarize)
}

/** What another store cannot do at this size is a result, not an error. */
async function measureOne(task) {
  const child = startChild('big-child.js', task, ['--expose-gc', '--max-old-space-size=4096'])
  const timer = setTimeout(child.stop, GIVE_UP_AFTER_MS)
  try {
    return await child.answer()
  } catch (error) {
    if (task.store.startsWith('connect-solidis')) throw error
    return { failed: error.message }
  } finally {
    clearTimeout(timer)
    child.stop()
  }
}

function summarize({ samples, ...result }) {
  const failed = samples.find((sample) => sample.failed)
  if (failed) return { ...result, failed: failed.failed }
  const of = (name) => summary(samples.map((sample) => sample[name]))
  return {
    ...result,
    ms: of('ms'),
    pauseMs: of('pauseMs'),
    peakRss: of('peakRss'),
    rssBefore: of('rssBefore'),
    peakHeap: of('peakHeap'),
  }
}

function sizesOf({ plan, isWanted }) {
  return isWanted('big') ? plan.bigSizes : []
}

/** Where it would take too long, connect-solidis is measured over one client only: the first. */
function storesOf({ stores }, { oursOnce }) {
  const ours = stores.find(({ kind }) => kind === 'ours')
  return stores
    .filter((store) => !store.name.startsWith('raw'))
    .filter((store) => !oursOnce || store.kind !== 'ours' || store === ours)
    .map(({ name }) => name)
}

function stepMs(method, sessions) {
  return START_MS + sessions * MS_A_SESSION[method]
}
