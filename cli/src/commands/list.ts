import type { FoundSession } from 'connect-solidis'
import type { Context } from '../context.ts'
import { countOf, expiryOf, isoOf, sessionsOf } from '../format.ts'
import { handleOf } from '../ids.ts'
import { ofValue, otherIndex } from '../listed.ts'
import { type Column, say, writeLine, writeTable } from '../output.ts'
import { expiriesOf } from '../redis.ts'
import { indexBy, type Session } from '../store.ts'

export interface ListOptions {
  /** Only the sessions of this value of the index. */
  readonly by?: string
  /** Whether to show whole ids. */
  readonly sids: boolean
  /** How many to show at most. */
  readonly limit?: number
}

interface Listed {
  readonly handle: string
  readonly sid?: string
  readonly value?: string | null
  readonly expiresAt: Date | null | undefined
}

/** How to show them. */
interface Shown {
  readonly most: number
  readonly sids: boolean
}

/** What a person looks at. */
const LIMIT_ON_TERMINAL = 100
/** For so many, what is missing is asked for at once. */
const PAGE = 500

export async function list(context: Context, { by, sids, limit }: ListOptions): Promise<void> {
  const { options } = context
  const isTable = !options.json && process.stdout.isTTY
  const most = limit ?? (isTable ? LIMIT_ON_TERMINAL : Number.POSITIVE_INFINITY)
  const listed = by === undefined ? [] : await context.listedUnder(by)
  const found = by === undefined ? [] : ofValue(context, by, listed)
  const sessions = by === undefined ? all(context, sids, most) : pageOf(found, by, sids)
  const show = options.json ? showJson : isTable ? showTable : showLines
  const isCutShort = await show(upTo(most, sessions), context, { most, sids })
  if (isCutShort && !isTable) say(`There are more than these ${countOf(most)}: see --limit.`)
  if (listed.length > 0 && found.length === 0) say(otherIndex(context, listed.length))
  context.unreadable.sayLeftOut()
}

/** Page by page, and no more pages than are needed. */
async function* all(context: Context, sids: boolean, most: number): AsyncGenerator<Listed[]> {
  const { store, options, signal } = context
  const valueIn = options.index === undefined ? undefined : indexBy(options.index)
  let page: [sid: string, session: Session][] = []
  for await (const entry of store) {
    signal.throwIfAborted()
    page.push(entry)
    if (page.length < Math.min(PAGE, most + 1)) continue
    yield await listed(page)
    page = []
  }
  if (page.length > 0) yield await listed(page)

  async function listed(entries: typeof page): Promise<Listed[]> {
    const ends = new Map<string, Date | null | undefined>()
    for (const [sid, { cookie }] of entries) {
      if (cookie?.expires) ends.set(sid, new Date(cookie.expires as string | Date))
    }
    const unknown = entries.map(([sid]) => sid).filter((sid) => !ends.has(sid))
    const found = await expiriesOf(store, unknown)
    for (const [i, sid] of unknown.entries()) ends.set(sid, found[i])
    return entries.map(([sid, session]) => ({
      handle: handleOf(sid),
      ...(sids ? { sid } : {}),
      ...(valueIn === undefined ? {} : { value: valueIn(session) ?? null }),
      expiresAt: ends.get(sid),
    }))
  }
}

async function* pageOf(
  found: readonly FoundSession[],
  by: string,
  sids: boolean,
): AsyncGenerator<Listed[]> {
  yield found.map(({ sid, expiresAt }) => ({
    handle: handleOf(sid),
    ...(sids ? { sid } : {}),
    value: by,
    expiresAt,
  }))
}

/** Yields so many, and gives whether there were more. */
async function* upTo<T>(most: number, pages: AsyncGenerator<T[]>): AsyncGenerator<T, boolean> {
  let shown = 0
  for await (const page of pages) {
    for (const each of page) {
      if (shown === most) return true
      shown++
      yield each
    }
  }
  return false
}

type Sessions = AsyncGenerator<Listed, boolean>

/** One array, though it need not be in memory at once. */
async function showJson(sessions: Sessions, context: Context, { most }: Shown): Promise<boolean> {
  let separator = '['
  const isCutShort = await each(sessions, context, most, async (session) => {
    await writeLine(`${separator}${JSON.stringify(session)}`)
    separator = ','
  })
  await writeLine(separator === '[' ? '[]' : ']')
  return isCutShort
}

async function showTable(
  sessions: Sessions,
  context: Context,
  { most, sids }: Shown,
): Promise<boolean> {
  const rows: string[][] = []
  const isCutShort = await each(sessions, context, most, async (session) => {
    rows.push(cellsOf(session, expiryOf(session.expiresAt)))
  })
  const { index } = context.options
  const columns: Column[] = [{ title: sids ? 'session id' : 'handle' }]
  if (index !== undefined) columns.push({ title: index })
  columns.push({ title: 'expires' })
  if (rows.length > 0) await writeTable(columns, rows)
  await writeLine(
    isCutShort ? `the first ${sessionsOf(rows.length)}: see --limit` : sessionsOf(rows.length),
  )
  return isCutShort
}

async function showLines(sessions: Sessions, context: Context, { most }: Shown): Promise<boolean> {
  return each(sessions, context, most, async (session) => {
    await writeTable([], [cellsOf(session, isoOf(session.expiresAt))])
  })
}

function cellsOf({ handle, sid, value }: Listed, expires: string): string[] {
  return [sid ?? handle, ...(value === undefined ? [] : [value ?? '']), expires]
}

/** Gives whether there are more. */
async function each(
  sessions: Sessions,
  { walk, options }: Context,
  most: number,
  visit: (session: Listed) => Promise<void>,
): Promise<boolean> {
  const visitAll = async (onProgress?: (progress: { done: number }) => void) => {
    for (let done = 1; ; done++) {
      const next = await sessions.next()
      if (next.done) return next.value
      await visit(next.value)
      onProgress?.({ done })
    }
  }
  // A bar would get between the lines.
  if (options.json && process.stdout.isTTY) return visitAll()
  const total = Number.isFinite(most) ? most : undefined
  return walk('Listing', ({ onProgress }) => visitAll(onProgress), total)
}
