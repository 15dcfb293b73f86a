import { solidisOptions } from 'connect-solidis'
import type { Context } from '../context.ts'
import type { Check } from '../doctor/check.ts'
import { checkRights } from '../doctor/rights.ts'
import { type Sample, sample } from '../doctor/sample.ts'
import { checkServer } from '../doctor/server.ts'
import { Failure } from '../errors.ts'
import { bytesOf, countOf } from '../format.ts'
import { type Cell, writeJson, writeTable } from '../output.ts'
import { nodesOf } from '../redis.ts'

export interface DoctorOptions {
  /** How many sessions to look at. */
  readonly sample: number
}

const STYLES = { ok: 'green', warning: 'yellow', failed: 'red', unknown: 'gray' } as const
const BAR_LENGTH = 40

export async function doctor(context: Context, { sample: most }: DoctorOptions): Promise<void> {
  const { store, connection, options, signal } = context
  const { database } = solidisOptions(options.url)
  const checks: Check[] = [checkClient(context)]
  const nodes = await nodesOf(connection.client)
  for (const [i, node] of nodes.entries()) {
    const found = await checkServer(node, database)
    const of = nodes.length > 1 ? ` ${i + 1}` : ''
    checks.push(...found.map((check) => ({ ...check, name: check.name + of })))
  }
  signal.throwIfAborted()
  checks.push(await checkRights(store, options.index))
  signal.throwIfAborted()
  const { checks: ofSample, histogram } = await sampled(context, most)
  checks.push(...ofSample)

  const isWell = checks.every(({ status }) => status !== 'failed')
  if (options.json) await writeJson({ ok: isWell, checks, histogram })
  else await showAll(checks, histogram)
  if (!isWell) throw new Failure('Not all is well.')
}

/** Where sessions cannot be read, the rights have told why; the rest is still worth to be told. */
async function sampled(context: Context, most: number): Promise<Sample> {
  try {
    return await sample(context, most)
  } catch (error) {
    if (context.signal.aborted) throw error
    const detail = `could not be looked at: ${(error as Error).message}`
    return { checks: [{ name: 'session sizes', status: 'unknown', detail }], histogram: [] }
  }
}

function checkClient({ connection, address }: Context): Check {
  const { name, isCluster } = connection
  const detail = `${name}, at ${address}${isCluster ? ', a cluster' : ''}`
  return { name: 'connection', status: 'ok', detail, data: { client: name, isCluster } }
}

async function showAll(checks: readonly Check[], histogram: Sample['histogram']): Promise<void> {
  const rows: Cell[][] = checks.map(({ name, status, detail }) => [
    name,
    { text: status, style: STYLES[status] },
    detail,
  ])
  await writeTable([{ title: 'check' }, { title: 'result' }, { title: '', maxLength: 80 }], rows)
  if (histogram.length === 0) return
  const most = Math.max(...histogram.map(({ sessions }) => sessions))
  await writeTable(
    [{ title: 'size up to', isNumber: true }, { title: 'sessions', isNumber: true }, { title: '' }],
    histogram.map(({ upTo, sessions }) => [
      bytesOf(upTo),
      countOf(sessions),
      '█'.repeat(Math.ceil((sessions / most) * BAR_LENGTH)),
    ]),
  )
}
