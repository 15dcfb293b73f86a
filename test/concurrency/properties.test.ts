import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import { type Command, type Serializer, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { GET } from '../../lib/redis/commands.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, attributesOf, data, ONE_HOUR_MS, request } from '../support/requests.ts'
import { slowSerializer } from '../support/serializers.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 2000)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
/** Each on sessions of its own, so that Redis has something to do. */
const AT_ONCE = 16
const MS_PER_RUN = 20
const DAY_MS = 24 * ONE_HOUR_MS

const FAULTS = ['is lost', 'is applied, but lost', 'arrives again later'] as const
type Fault = (typeof FAULTS)[number]

type Attributes = Record<string, unknown>

type Edit = { readonly name: string; readonly value?: unknown }

type Step =
  /** With a number of days that the session is to live from now on, at times. */
  | { readonly do: 'save'; readonly edits: Edit[]; readonly days?: number }
  /** Does not wait for the save to end before it goes on. */
  | { readonly do: 'save on the side'; readonly edits: Edit[]; readonly days?: number }
  | { readonly do: 'update'; readonly edits: Edit[] }
  | { readonly do: 'touch' }
  | { readonly do: 'reload' }

interface Writer {
  /** Which of the stores it uses, as of several processes. */
  readonly process: number
  /** How many turns of the event loop it waits before each step. */
  readonly pauses: number[]
  readonly steps: Step[]
  readonly destroys: boolean
}

/** What express-session drops from a session, plain objects can have. */
const PLAIN_NAMES = ['__proto__', 'constructor', 'save']
const NAMES = ['a', 'b', 'c', 'd', 'née', '7', '']

const value = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(null, true, '', 'x', [], {}),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.date({ noInvalidDate: true }),
  fc.jsonValue({ maxDepth: 2 }),
)
const attributes = (names: string[]) =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6, noNullPrototype: true })
const edits = (names: string[]) =>
  fc.array(fc.record({ name: fc.constantFrom(...names), value }, { requiredKeys: ['name'] }), {
    maxLength: 3,
  })
const save = (how: string, names: string[]) =>
  fc.record(
    { do: fc.constant(how), edits: edits(names), days: fc.constantFrom(2, 30) },
    { requiredKeys: ['do', 'edits'] },
  )
const steps = (names: string[]) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: save('save', names) },
      { weight: 1, arbitrary: save('save on the side', names) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('update'), edits: edits(names) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('touch', 'reload') }) },
    ) as fc.Arbitrary<Step>,
    { minLength: 1, maxLength: 3 },
  )
const writer = (names: string[]) =>
  fc.record({
    process: fc.nat(1),
    pauses: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
    steps: steps(names),
    destroys: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
  })
/** The requests have a `Session` each, or the plain object that `get` gives. */
const scenario = fc.boolean().chain((plain) => {
  const names = plain ? [...NAMES, ...PLAIN_NAMES] : NAMES
  return fc.record({
    plain: fc.constant(plain),
    slow: fc.boolean(),
    /** What becomes of the first writes of the session. */
    faults: fc.array(fc.option(fc.constantFrom(...FAULTS), { freq: 2 }), { maxLength: 6 }),
    initial: attributes(names),
    writers: fc.array(writer(names), { minLength: 2, maxLength: 5 }),
  })
})

/** What a writer has put last: each attribute as JSON, and the life in days. */
interface Written {
  readonly texts: Map<string, string | undefined>
  days?: number
}

/** Edits an object as a route does. Gives what the names have afterwards, as JSON has it. */
function edit(session: object, edits: Edit[]): Map<string, string | undefined> {
  for (const change of edits) {
    const { name } = change
    if ('value' in change) {
      const own = { value: change.value, configurable: true, enumerable: true, writable: true }
      Object.defineProperty(session, name, own)
    } else delete (session as Attributes)[name]
  }
  return new Map(edits.map(({ name }) => [name, textOf(session, name)]))
}

function textOf(session: object, name: string): string | undefined {
  return JSON.stringify(Object.getOwnPropertyDescriptor(session, name)?.value)
}

/**
 * Does what a writer does, beside the others. Resolves to the last value that it gave to each
 * attribute: as JSON, `undefined` if it deleted it.
 */
async function run(
  writer: Writer,
  plain: boolean,
  store: SolidisStore,
  sid: string,
): Promise<Written> {
  const written: Written = { texts: new Map() }
  const note = (edited: Map<string, string | undefined>) => {
    for (const [name, text] of edited) written.texts.set(name, text)
  }
  const load = async (): Promise<SessionData | null> =>
    plain ? store.get(sid) : ((await request(store, sid)).session ?? null)
  const underWay: Promise<unknown>[] = []
  let pauses = 0
  const pause = async () => {
    const turns = writer.pauses[pauses++ % writer.pauses.length] as number
    for (let left = turns; left > 0; left--) await turn()
  }

  await pause()
  let session = await load()
  for (const step of writer.steps) {
    await pause()
    if (session === null) break
    if (step.do === 'touch') {
      const touched = session
      await again(() => store.touch(sid, touched))
    } else if (step.do === 'reload') {
      await Promise.all(underWay)
      session = await load()
    } else if (step.do === 'update') {
      const { edits } = step
      let edited = new Map<string, string | undefined>()
      const change = (fresh: SessionData) => {
        edited = edit(fresh, edits)
      }
      await Promise.all(underWay)
      if ((await again(() => store.update(sid, change))) === null) break
      note(edited)
      // In what it had loaded, a return to the old value would be no change.
      session = await load()
    } else {
      note(edit(session, step.edits))
      if (step.days !== undefined) {
        liveFor(session, step.days)
        written.days = step.days
      }
      const put = session
      const saved = again(() => store.set(sid, put))
      if (step.do === 'save') await saved
      else underWay.push(saved)
    }
  }
  await Promise.all(underWay)
  await pause()
  if (writer.destroys) await again(() => store.destroy(sid))
  return written
}

function liveFor({ cookie }: SessionData, days: number): void {
  cookie.expires = new Date(Date.now() + days * DAY_MS)
  cookie.originalMaxAge = days * DAY_MS
}

/** As an app does that is told of a failure, and has not lost its session. */
async function again<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    if (tries > 50) throw new Error('It is told of more failures than there were')
    try {
      return await call()
    } catch (error) {
      if (!/connection lost/.test(String(error))) throw error
    }
  }
}

/** A client of whose writes some go wrong, by key. */
class UnreliableClient implements SolidisLike {
  readonly pipelines = false
  readonly faults = new Map<string, (Fault | null)[]>()
  readonly #client: SolidisLike

  constructor(client: SolidisLike) {
    this.#client = client
  }

  async send(commands: Command[]): Promise<unknown[][]> {
    const [[name, ...args]] = commands as [Command]
    const isRead = args[0] === GET.sha1 || args[0] === GET.source
    const isWrite = String(name).startsWith('EVAL') && !isRead
    const fault = isWrite ? this.faults.get(String(args[2]))?.shift() : undefined
    if (fault === 'is lost') throw new Error('connection lost')
    const replies = await this.#client.send(commands)
    if (fault === 'is applied, but lost') throw new Error('connection lost')
    if (fault !== 'arrives again later') return replies
    for (let left = 3; left > 0; left--) await turn()
    return this.#client.send(commands)
  }
}

describe('any requests of any session at once', () => {
  let test: TestClient

  before(async () => {
    test = await mainKind.connect()
  })

  after(() => test.close())

  it(`lose nothing, and bring nothing back (${RUNS} runs, seed ${SEED})`, async function () {
    this.timeout(10_000 + RUNS * MS_PER_RUN)
    const prefix = freshPrefix()
    const client = new UnreliableClient(test.client)
    const makeStores = (serializer: Serializer) =>
      [0, 1].map(
        () =>
          new SolidisStore({
            ...ENCRYPTED,
            client,
            prefix,
            timeout: 0,
            breaker: false,
            serializer,
          }),
      )
    const quick = makeStores(JSON)
    const late = makeStores(slowSerializer(() => 1))
    let sids = 0
    let runs = 0

    const property = fc.asyncProperty(
      scenario,
      async ({ plain, slow, faults, initial, writers }) => {
        runs++
        const sid = String(sids++)
        const stores = slow ? late : quick
        const [store] = stores as [SolidisStore]
        const start = data()
        edit(
          start,
          Object.entries(initial).map(([name, value]) => ({ name, value })),
        )
        await store.set(sid, start)
        client.faults.set(prefix + sid, [...faults])
        const written = await Promise.all(
          writers.map((writer) => run(writer, plain, stores[writer.process] as SolidisStore, sid)),
        )
        client.faults.delete(prefix + sid)
        const session = await store.get(sid)
        const final = session && attributesOf(session)
        const life = Number(await ask(test.client, 'PTTL', prefix + sid))
        await store.destroy(sid)
        if (writers.some(({ destroys }) => destroys)) {
          expect(final, 'destroyed').to.equal(null)
          return
        }
        expect(final, 'not destroyed').to.be.an('object')
        for (const name of [...NAMES, ...PLAIN_NAMES, ...Object.keys(final as Attributes)]) {
          const texts = written
            .filter(({ texts }) => texts.has(name))
            .map(({ texts }) => texts.get(name))
          if (texts.length === 0) texts.push(textOf(attributesOf(start), name))
          expect(texts, `values of '${name}'`).to.include(textOf(final as Attributes, name))
        }
        const lives = written.flatMap(({ days }) => (days === undefined ? [] : days * DAY_MS))
        const maxAge = session?.cookie.originalMaxAge as number
        expect(lives.length > 0 ? lives : [ONE_HOUR_MS], 'lives').to.include(maxAge)
        // A touch shortens no life, but may give back one that another has shortened since.
        const longest = lives.length > 0 ? 30 * DAY_MS : ONE_HOUR_MS
        expect(life, 'life in Redis').to.be.within(maxAge - ONE_HOUR_MS / 2, longest)
      },
    )
    const numRuns = Math.ceil(RUNS / AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => fc.assert(property, { numRuns, seed: SEED + i })),
    )
    expect(runs).to.be.at.least(RUNS)
  })
})
