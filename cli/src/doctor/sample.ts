import type { Context } from '../context.ts'
import { bytesOf, countOf, sessionsOf } from '../format.ts'
import { indexBy } from '../store.ts'
import type { Check } from './check.ts'

/** So many are looked up in the index. */
const LOOKED_UP = 20
/** Parsed and written with every request, so much is slow. */
const BIG_BYTES = 100_000

export interface Sample {
  readonly checks: Check[]
  /** How many sessions are of so many bytes at most: the bounds are powers of two. */
  readonly histogram: { readonly upTo: number; readonly sessions: number }[]
}

/** Looks at the first sessions that SCAN gives, which come in an order that nobody knows. */
export async function sample(context: Context, most: number): Promise<Sample> {
  const { store, walk, options, signal, invalid } = context
  const valueIn = options.index === undefined ? undefined : indexBy(options.index)
  const sizes: number[] = []
  const values = new Map<string, string>()
  const before = invalid.count
  const look = async (onProgress: (progress: { done: number }) => void) => {
    for await (const [sid, session] of store) {
      signal.throwIfAborted()
      sizes.push(Buffer.byteLength(JSON.stringify(session)))
      const value = valueIn?.(session)
      if (value !== undefined) values.set(sid, value)
      onProgress({ done: sizes.length })
      if (sizes.length === most) return
    }
  }
  await walk('Sampling', ({ onProgress }) => look(onProgress), most)
  sizes.sort((a, b) => a - b)

  const checks = [checkSizes(sizes), checkReadable(invalid.count - before)]
  if (options.index !== undefined) checks.push(await checkIndex(context, values, sizes.length))
  return { checks, histogram: histogramOf(sizes) }
}

function checkSizes(sizes: readonly number[]): Check {
  const name = 'session sizes'
  if (sizes.length === 0) {
    return { name, status: 'ok', detail: 'there are no sessions', data: { sampled: 0 } }
  }
  const at = (share: number) => sizes[Math.ceil(share * sizes.length) - 1] as number
  const [min, median, p90, p99, max] = [sizes[0] as number, at(0.5), at(0.9), at(0.99), at(1)]
  const isBig = max > BIG_BYTES
  const detail = `${sessionsOf(sizes.length)} looked at: median ${bytesOf(median)}, 90% up to ${bytesOf(p90)}, largest ${bytesOf(max)}`
  return {
    name,
    status: isBig ? 'warning' : 'ok',
    detail: isBig ? `${detail}: each request reads and writes so much` : detail,
    data: { sampled: sizes.length, min, median, p90, p99, max },
  }
}

function checkReadable(unreadable: number): Check {
  return {
    name: 'readable',
    status: unreadable > 0 ? 'warning' : 'ok',
    detail:
      unreadable > 0
        ? `${countOf(unreadable)} of the keys looked at hold no session that JSON can read: is the prefix right, does the store have a serializer or encryption of its own?`
        : 'all that was looked at',
    data: { unreadable },
  }
}

/** Whether sessions are found by their value: if not, they are from before `indexBy`. */
async function checkIndex(
  { store, options, signal }: Context,
  values: ReadonlyMap<string, string>,
  sampled: number,
): Promise<Check> {
  const name = 'index'
  let [lookedUp, missing] = [0, 0]
  for (const [sid, value] of [...values].slice(0, LOOKED_UP)) {
    signal.throwIfAborted()
    const found = await store.findBy(value)
    lookedUp++
    // It may have ended since.
    if (!found.some((each) => each.sid === sid) && (await store.exists(sid))) missing++
  }
  const have = `${countOf(values.size)} of ${sessionsOf(sampled)} have ${options.index}`
  const data = { having: values.size, lookedUp, missing }
  if (missing > 0) {
    const detail = `${have}, but of ${lookedUp} looked up, ${missing} are not in the index: run reindex`
    return { name, status: 'failed', detail, data }
  }
  if (values.size === 0 && sampled > 0) {
    return { name, status: 'warning', detail: `${have}: is the path right?`, data }
  }
  return { name, status: 'ok', detail: `${have}; ${lookedUp} looked up, and found`, data }
}

function histogramOf(sizes: readonly number[]): Sample['histogram'] {
  const counts = new Map<number, number>()
  for (const size of sizes) {
    const upTo = 2 ** Math.ceil(Math.log2(size))
    counts.set(upTo, (counts.get(upTo) ?? 0) + 1)
  }
  return [...counts].map(([upTo, sessions]) => ({ upTo, sessions }))
}
