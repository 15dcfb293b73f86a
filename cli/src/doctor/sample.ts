import type { SolidisStoreEvents } from 'connect-solidis'
import type { Context } from '../context.ts'
import { bytesOf, countOf, sessionsOf } from '../format.ts'
import { isDigest } from '../ids.ts'
import { firstIds } from '../redis.ts'
import { SECRETS } from '../secrets.ts'
import { indexBy } from '../store.ts'
import { Unreadable } from '../unreadable.ts'
import type { Check } from './check.ts'

/** So many are looked up in the index. */
const LOOKED_UP = 20
/** Parsed and written with every request, so much is slow. */
const BIG_BYTES = 100_000
/** So many are read at once. */
const AT_ONCE = 100

type Invalid = SolidisStoreEvents['invalid'][0]

export interface Sample {
  readonly checks: Check[]
  /** How many sessions are of so many bytes at most: the bounds are powers of two. */
  readonly histogram: { readonly upTo: number; readonly sessions: number }[]
}

/** Looks at the first sessions that SCAN gives, which come in an order that nobody knows. */
export async function sample(context: Context, most: number): Promise<Sample> {
  const { store, walk, options, signal, hasSecrets } = context
  const valueIn = options.index === undefined ? undefined : indexBy(options.index)
  const ids = await firstIds(store, most, signal)
  const sizes: number[] = []
  const values = new Map<string, string>()
  const unreadable = new Unreadable(hasSecrets)
  const count = ({ error }: Invalid) => unreadable.add(error)
  const look = async (sid: string) => {
    const session = await store.get(sid)
    if (session === null) return
    sizes.push(Buffer.byteLength(JSON.stringify(session)))
    const value = valueIn?.(session)
    if (value !== undefined) values.set(sid, value)
  }
  store.on('invalid', count)
  await walk(
    'Sampling',
    async ({ onProgress }) => {
      for (let done = 0; done < ids.length; done += AT_ONCE) {
        signal.throwIfAborted()
        await Promise.all(ids.slice(done, done + AT_ONCE).map(look))
        onProgress({ done })
      }
    },
    ids.length,
  )
  store.off('invalid', count)
  sizes.sort((a, b) => a - b)

  const checks = [
    checkSizes(sizes, unreadable.total, store.maxPayload),
    checkReadable(unreadable),
    checkEncryption(context, sizes.length, unreadable),
    checkKeys(ids),
  ]
  if (options.index !== undefined) {
    checks.push(await checkIndex(context, values, sizes.length, unreadable.lacking))
  }
  return { checks, histogram: histogramOf(sizes) }
}

function checkSizes(sizes: readonly number[], unread: number, maxPayload: number): Check {
  const name = 'session sizes'
  if (sizes.length === 0) {
    return unread > 0
      ? { name, status: 'unknown', detail: 'no session could be read', data: { sampled: 0 } }
      : { name, status: 'ok', detail: 'there are no sessions', data: { sampled: 0 } }
  }
  const at = (share: number) => sizes[Math.ceil(share * sizes.length) - 1] as number
  const [min, median, p90, p99, max] = [sizes[0] as number, at(0.5), at(0.9), at(0.99), at(1)]
  const isBig = max > BIG_BYTES
  const harm =
    max > maxPayload
      ? `: maxPayload refuses to write more than ${bytesOf(maxPayload)}, unless the app has raised it`
      : ': each request reads and writes so much'
  const detail = `${sessionsOf(sizes.length)} looked at: median ${bytesOf(median)}, 90% up to ${bytesOf(p90)}, largest ${bytesOf(max)}`
  return {
    name,
    status: isBig ? 'warning' : 'ok',
    detail: isBig ? detail + harm : detail,
    data: { sampled: sizes.length, min, median, p90, p99, max },
  }
}

function checkReadable(unreadable: Unreadable): Check {
  const { others } = unreadable
  const compressed = unreadable.of('ECODEC')
  const faults: string[] = []
  if (others > 0) {
    faults.push(
      `${countOf(others)} of the keys looked at hold no session that JSON can read: is the prefix right, does the store have a serializer of its own?`,
    )
  }
  if (compressed > 0) {
    faults.push(
      `${countOf(compressed)} were compressed by what this Node (${process.version}) lacks: if that of the app lacks it, too, their users count as logged out`,
    )
  }
  return {
    name: 'readable',
    status: faults.length > 0 ? 'warning' : 'ok',
    detail:
      faults.join('; ') ||
      (unreadable.total > 0 ? 'all but what encryption tells of' : 'all that was looked at'),
    data: { unreadable: others, codec: compressed },
  }
}

/** What does not open, by why: to the app it is no session, and looks like a user who is logged out. */
function checkEncryption(
  { hasSecrets, options }: Context,
  opened: number,
  unreadable: Unreadable,
): Check {
  const name = 'encryption'
  const secret = unreadable.of('ESECRET')
  const plain = unreadable.of('EPLAIN')
  const changed = unreadable.of('EDECRYPT')
  const data = { secret, plain, changed }
  if (!hasSecrets) {
    const status = secret > 0 ? 'unknown' : 'ok'
    const detail =
      secret > 0
        ? `${countOf(secret)} of the sessions looked at are encrypted, and no secret is given: to look into them, set ${SECRETS}`
        : opened > 0
          ? 'none: who reads Redis reads the sessions'
          : 'none found'
    return { name, status, detail, data }
  }
  const faults: string[] = []
  if (secret > 0) {
    faults.push(
      `${countOf(secret)} were encrypted with a secret that ${SECRETS} does not have: with a forgotten secret, their users count as logged out`,
    )
  }
  if (changed > 0) {
    faults.push(
      `${countOf(changed)} were altered after encryption, or moved from another key: who else writes there?`,
    )
  }
  if (plain > 0) {
    faults.push(
      `${countOf(plain)} are not encrypted: without acceptPlain, their users count as logged out; see reencrypt`,
    )
  }
  const detail = options.acceptPlain
    ? 'all that was looked at opens, or is plain'
    : 'all that was looked at opens'
  return {
    name,
    status: secret + changed > 0 ? 'failed' : plain > 0 ? 'warning' : 'ok',
    detail: faults.join('; ') || detail,
    data,
  }
}

/** Whether they have ids or digests, as far as that shows. */
function checkKeys(ids: readonly string[]): Check {
  const digests = ids.filter(isDigest).length
  const detail =
    ids.length === 0
      ? 'there are none'
      : digests === ids.length
        ? 'digests of the session ids, as it looks (hashKeys)'
        : digests === 0
          ? 'session ids, and no digests of them (see hashKeys)'
          : `${countOf(digests)} of ${countOf(ids.length)} look like digests (hashKeys): does all of the app hash them?`
  return { name: 'keys', status: 'ok', detail, data: { looked: ids.length, digests } }
}

/** Whether sessions are found by their value: if not, they are from before `indexBy`. */
async function checkIndex(
  { store, options, signal, listedUnder }: Context,
  values: ReadonlyMap<string, string>,
  sampled: number,
  lacking: number,
): Promise<Check> {
  const name = 'index'
  let [lookedUp, missing] = [0, 0]
  for (const [sid, value] of [...values].slice(0, LOOKED_UP)) {
    signal.throwIfAborted()
    const found = await listedUnder(value)
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
  if (values.size === 0 && lacking > 0) {
    return { name, status: 'unknown', detail: `${have}; others could not be read`, data }
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
