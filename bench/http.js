// End to end: Express with each store in a process of its own, under a load generator in another.
import { startChild } from './child.js'
import { rotate } from './interleave.js'
import { ratio, summary } from './stats.js'
import { BASELINE } from './stores.js'

export const HTTP_WORKLOADS = ['reading', 'writing', 'hot']
const START_MS = 600

export const http = {
  estimateMs(context) {
    const { plan } = context
    const samples = storesOf(context).length * HTTP_WORKLOADS.length
    return (
      samples * (plan.repeats + plan.httpWarmUps) * plan.httpMs +
      storesOf(context).length * START_MS
    )
  },

  async run(context) {
    const { plan, progress } = context
    const names = storesOf(context).map(({ name }) => name)
    if (names.length === 0) return []
    const results = HTTP_WORKLOADS.flatMap((workload) =>
      names.map((store) => ({ workload, store, samples: [] })),
    )
    const load = startChild('http-load.js')
    const servers = new Map()
    try {
      progress.step(names.length * START_MS, 'starting the Express servers')
      for (const store of names) servers.set(store, { server: startServer(context, store) })
      for (const it of servers.values()) Object.assign(it, await it.server.answer())
      for (let repeat = -plan.httpWarmUps; repeat < plan.repeats; repeat++) {
        for (const workload of HTTP_WORKLOADS) {
          for (const store of rotate(names, repeat + plan.httpWarmUps)) {
            const what = repeat < 0 ? 'warm-up' : `repeat ${repeat + 1}`
            progress.step(plan.httpMs, `${what}: HTTP, ${workload}, ${store}`)
            const { server, origin, cookies, hotCookie } = servers.get(store)
            const sample = await load.ask({
              url: `${origin}/${workload}`,
              cookies: workload === 'hot' ? cookies.map(() => hotCookie) : cookies,
              ms: plan.httpMs,
            })
            const { lost } = await server.ask({ verify: workload })
            const result = results.find((r) => r.workload === workload && r.store === store)
            if (repeat >= 0) result.samples.push({ ...sample, lost })
          }
        }
      }
    } finally {
      load.stop()
      for (const { server } of servers.values()) server.stop()
    }
    return results.map((result) => summarize(result, results))
  },
}

function startServer({ url, prefix, plan }, store) {
  return startChild('http-server.js', {
    store,
    url,
    prefix: `${prefix}http:`,
    connections: plan.httpConnections,
    payload: plan.usualPayload,
  })
}

function storesOf({ isWanted, stores }) {
  return isWanted('http') ? stores.filter(({ name }) => !name.startsWith('raw')) : []
}

function summarize({ samples, ...result }, all) {
  const rates = samples.map(({ rate }) => rate)
  const base = all.find((r) => r.workload === result.workload && r.store === BASELINE)
  return {
    ...result,
    ...summary(rates),
    p50: summary(samples.map(({ p50 }) => p50)),
    p99: summary(samples.map(({ p99 }) => p99)),
    ...(result.workload === 'hot' ? { lost: samples.at(-1).lost } : {}),
    ...(base
      ? {
          ratio: ratio(
            rates,
            base.samples.map(({ rate }) => rate),
          ),
        }
      : {}),
  }
}
