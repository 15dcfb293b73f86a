// Measures a block: starts a process for each side, and lets the sides take turns.
import { startChild } from './child.js'

/**
 * Gives a row for each way of the block and each side, with its samples.
 * @param context `{ plan, url, prefix, load }`
 */
export async function measureBlock(block, { plan, url, prefix, load }) {
  const { part, server, payload, base, sides, ways, sessions, turns, warmUps } = block
  const workers = new Map()
  const rows = ways.flatMap((way) =>
    sides.map(({ name }) => ({ part, server, payload, base, ...way, side: name, samples: [] })),
  )
  try {
    for (const { name, store = name, options } of sides) {
      const task = { store, options, server, payload, sessions, url, clients: plan.connections }
      const worker = startChild('worker.js', { ...task, prefix: `${prefix}${part}:${name}:` })
      workers.set(name, worker)
    }
    for (const worker of workers.values()) worker.about = await worker.ready
    for (let turn = -warmUps; turn < turns; turn++) {
      for (const way of ways) {
        const taking = rows.filter((it) => it.workload === way.workload && it.atOnce === way.atOnce)
        for (const row of rotate(taking, turn + warmUps)) {
          const sample = await measure(workers.get(row.side), row, plan, load)
          if (turn >= 0) row.samples.push(sample)
        }
      }
    }
    for (const row of rows) {
      if (!server || row.workload === 'reading') continue
      Object.assign(row, await check(workers.get(row.side), row, sides))
    }
  } finally {
    for (const { stop } of workers.values()) stop()
  }
  return rows
}

async function measure(worker, { server, workload, atOnce }, plan, load) {
  const { turnMs: ms, connections, requests } = plan
  if (atOnce) return worker.ask({ name: 'calls', workload, atOnce, ms })
  if (!server) return worker.ask({ name: workload })
  const { origin, cookies, hotCookie } = worker.about
  const before = await worker.ask({ name: 'cpu' })
  const { rate, p99 } = await load.ask({
    name: 'load',
    url: `${origin}/${workload}`,
    cookies: workload === 'hot' ? Array(connections).fill(hotCookie) : cookies,
    ...{ connections, requests, ms },
  })
  const after = await worker.ask({ name: 'cpu' })
  return { cpu: (after.cpu - before.cpu) / (after.requests - before.requests), rate, p99 }
}

/** What became of the changes; that connect-solidis loses one is no result, but an error. */
async function check(worker, { side, workload }, sides) {
  const found = await worker.ask({ name: 'check', workload })
  const { kind } = sides.find(({ name }) => name === side)
  if (found.lost !== 0 && kind === 'ours')
    throw new Error(`${workload}, ${side}: changes were lost`)
  return found
}

function rotate(list, by) {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}
