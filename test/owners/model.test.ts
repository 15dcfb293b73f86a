import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import { type Command, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { ENCRYPTED, keyOf } from '../support/encrypted.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, type Data, data, expireAt, ONE_HOUR_MS, request } from '../support/requests.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 500)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
/** Each under a prefix of its own, so that Redis has something to do. */
const AT_ONCE = 16
const MS_PER_RUN = 100
/** So long, a store waits for an answer; and so long at least is under way what comes too late. */
const TIMEOUT_MS = 60
const LATE_MS = TIMEOUT_MS + 30
const LIMIT = 2

const FAULTS = ['is lost', 'is applied, but lost', 'is late'] as const
const CRASHES = ['crashes before it', 'crashes after it'] as const
type Fault = (typeof FAULTS | typeof CRASHES)[number]

/** What becomes of a command: how many turns of the event loop it waits, and what goes wrong. */
interface Fate {
  readonly turns: number
  readonly fault?: Fault | null
}

/** A value is made of two attributes, so that two requests can give a part of it each. */
const VALUES = ['0', '1'].flatMap((a) => ['', '0', '1'].map((b) => a + b))
const indexBy = (session: SessionData) => {
  const { a, b = '' } = session as Data
  return a === undefined ? undefined : `${a}${b}`
}

type Part = { readonly name: 'a' | 'b'; readonly value: string | undefined }

type Step =
  | { readonly do: 'create' | 'save' | 'save on the side' | 'update'; readonly parts: Part[] }
  | { readonly do: 'open' | 'touch' | 'destroy' | 'regenerate'; readonly parts?: never }
  | { readonly do: 'findBy' | 'destroyBy'; readonly value: string; readonly parts?: never }

interface Actor {
  /** Which of the stores it uses, as of several processes. */
  readonly process: number
  /** Which of the sessions it begins with. */
  readonly session: number
  readonly steps: Step[]
}

const parts = fc.array(
  fc.record({
    name: fc.constantFrom('a' as const, 'b' as const),
    value: fc.constantFrom('0', '1', undefined),
  }),
  { minLength: 1, maxLength: 2 },
)
const change = (...how: string[]) => fc.record({ do: fc.constantFrom(...how), parts })
const step = fc.oneof(
  { weight: 6, arbitrary: change('save', 'save', 'save on the side', 'update', 'create') },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('open', 'touch') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('destroy', 'regenerate') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('findBy'), value: fc.constantFrom(...VALUES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('destroyBy'), value: fc.constantFrom(...VALUES) }),
  },
) as fc.Arbitrary<Step>
const actor: fc.Arbitrary<Actor> = fc.record({
  process: fc.nat(1),
  session: fc.nat(2),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
})
const fate = fc.record({
  turns: fc.nat(4),
  fault: fc.oneof(
    { weight: 24, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: fc.constantFrom<Fault>(...FAULTS) },
    { weight: 1, arbitrary: fc.constantFrom<Fault>(...CRASHES) },
  ),
})
const scenario = fc.record({
  lifeMs: fc.constantFrom(ONE_HOUR_MS, ONE_HOUR_MS, 50),
  isLimited: fc.boolean(),
  actors: fc.array(actor, { minLength: 2, maxLength: 6 }),
  /** By process, what becomes of its commands, again and again. */
  fates: fc.tuple(
    ...[0, 1].map(() => fc.array(fate, { minLength: 1, maxLength: 30, size: 'max' })),
  ),
})

/** The client of a process: its commands wait, so that those of others come in between, or are lost. */
class ProcessClient implements SolidisLike {
  readonly pipelines = false
  /** Settled when the process has crashed. */
  readonly crashed: Promise<void>
  readonly #client: SolidisLike
  readonly #fates: readonly Fate[]
  readonly #underWay = new Set<Promise<unknown>>()
  #crash: () => void = () => {}
  #isDead = false
  #sent = 0

  constructor(client: SolidisLike, fates: readonly Fate[]) {
    this.#client = client
    this.#fates = fates
    this.crashed = new Promise((crash) => {
      this.#crash = crash
    })
  }

  send(commands: Command[]): Promise<unknown[][]> {
    const sending = this.#send(commands)
    this.#underWay.add(sending)
    const isOver = () => this.#underWay.delete(sending)
    sending.then(isOver, isOver)
    // To who is dead, nothing is answered.
    return this.#isDead ? new Promise(() => {}) : sending
  }

  /** Waits until nothing more can arrive. */
  async drained(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay)
      // Until those who have been answered have sent what comes next.
      for (let left = 8; left > 0; left--) await turn()
    }
  }

  async #send(commands: Command[]): Promise<unknown[][]> {
    const { turns, fault } = this.#fates[this.#sent++ % this.#fates.length] as Fate
    for (let left = turns; left > 0; left--) await turn()
    if (fault === 'crashes before it') this.#die()
    if (this.#isDead) return []
    if (fault === 'is lost') throw new Error('connection lost')
    if (fault === 'is late') await sleep(LATE_MS)
    const replies = await this.#client.send(commands)
    if (fault === 'crashes after it') this.#die()
    if (fault === 'is applied, but lost') throw new Error('connection lost')
    return replies
  }

  #die(): void {
    this.#isDead = true
    this.#crash()
  }
}

function edit(session: object, parts: readonly Part[]): void {
  for (const { name, value } of parts) {
    if (value === undefined) delete (session as Data)[name]
    else Object.assign(session, { [name]: value })
  }
}

/** The ids of a run, of which there are more with each `regenerate`. */
class Sids {
  readonly all = ['0', '1', '2']

  another(): string {
    this.all.push(String(this.all.length))
    return this.all.at(-1) as string
  }
}

/** Does what an actor does, beside the others. What it is told of failures does not stop it. */
async function act(
  { session: first, steps }: Actor,
  lifeMs: number,
  store: SolidisStore,
  sids: Sids,
) {
  let sid = sids.all[first] as string
  let session: Data | null = null
  const underWay: Promise<unknown>[] = []
  const live = (session: Data) => {
    session.cookie.originalMaxAge = lifeMs
    expireAt(session, Date.now() + lifeMs)
  }
  const create = async (parts: readonly Part[]) => {
    session = data()
    edit(session, parts)
    live(session)
    await store.set(sid, session)
  }
  const open = async () => {
    session = ((await request(store, sid)).session as Data | undefined) ?? null
  }
  for (const step of steps) {
    const put: Data | null = session
    const done = async () => {
      if (step.do === 'findBy') await store.findBy(step.value)
      else if (step.do === 'destroyBy') await store.destroyBy(step.value)
      else if (step.do === 'destroy') await store.destroy(sid)
      else if (step.do === 'update') {
        await store.update(sid, (fresh) => edit(fresh, step.parts))
      } else if (step.do === 'regenerate') {
        await store.destroy(sid)
        sid = sids.another()
        await create([{ name: 'a', value: '0' }])
      } else if (step.do === 'create') await create(step.parts)
      else if (step.do === 'open' || put === null) await open()
      else if (step.do === 'touch') {
        live(put)
        await store.touch(sid, put)
      } else {
        live(put)
        edit(put, step.parts ?? [])
        const saved = store.set(sid, put)
        if (step.do === 'save') await saved
        else underWay.push(saved.catch(() => {}))
      }
    }
    await done().catch(() => {})
  }
  await Promise.all(underWay)
}

describe('any requests of the sessions of any users at once', () => {
  let test: TestClient

  before(async () => {
    test = await mainKind.connect()
  })

  after(() => test.close())

  /** Whose the sessions are, by their ids: what the index is held against. */
  async function walked(store: SolidisStore, sids: readonly string[]) {
    const sessions = await Promise.all(sids.map((sid) => store.get(sid)))
    return new Map(
      sids.flatMap((sid, i) => {
        const value = sessions[i] ? indexBy(sessions[i]) : undefined
        return value === undefined ? [] : [[sid, value] as const]
      }),
    )
  }

  /** Holds what `findBy` sees against all sessions, before and after it, since some expire. */
  async function check(store: SolidisStore, sids: readonly string[]) {
    const before = await walked(store, sids)
    const found = new Map<string, string[]>()
    for (const value of VALUES) {
      found.set(
        value,
        (await store.findBy(value)).map(({ sid }) => sid),
      )
    }
    const after = await walked(store, sids)
    for (const [sid, value] of after) {
      expect(found.get(value), `sessions of ${value}`).to.include(sid)
    }
    for (const [value, some] of found) {
      for (const sid of some) expect(before.get(sid), `whose ${sid} is`).to.equal(value)
    }
    return after
  }

  /** No entry is over before its session. */
  async function checkScores(prefix: string, owners: Map<string, string>) {
    for (const [sid, value] of owners) {
      const score = Number(await ask(test.client, 'ZSCORE', `by:${prefix}${value}`, sid))
      const left = Number(await ask(test.client, 'PTTL', prefix + sid))
      const [seconds] = (await ask(test.client, 'TIME')) as [string]
      const lived = score - (Number(String(seconds)) * 1000 + left)
      if (left >= 0) expect(lived, `entry of ${sid} after its session`).to.be.above(0)
    }
  }

  it(`leave each where its owner finds it, and nowhere else (${RUNS} runs, seed ${SEED})`, async function () {
    this.timeout(10_000 + RUNS * MS_PER_RUN)
    let runs = 0

    const property = fc.asyncProperty(scenario, async ({ lifeMs, isLimited, actors, fates }) => {
      runs++
      const prefix = freshPrefix()
      const sids = new Sids()
      const limited = isLimited ? { maxSessions: LIMIT } : {}
      const options = { prefix, indexBy, timeout: TIMEOUT_MS, breaker: false, ...limited }
      const clients = fates.map((own) => new ProcessClient(test.client, own))
      const stores = clients.map((client) => new SolidisStore({ ...ENCRYPTED, ...options, client }))
      await Promise.all(
        actors.map((actor) =>
          Promise.race([
            act(actor, lifeMs, stores[actor.process] as SolidisStore, sids),
            clients[actor.process]?.crashed,
          ]),
        ),
      )
      await Promise.all(clients.map((client) => client.drained()))
      const store = new SolidisStore({ ...ENCRYPTED, ...options, client: test.client, timeout: 0 })
      const owners = await check(store, sids.all)
      await checkScores(prefix, owners)
      await check(store, sids.all)
      if (isLimited) {
        for (const value of VALUES) {
          const count = [...owners.values()].filter((owner) => owner === value).length
          expect(count, `number of sessions of ${value}`).to.be.at.most(LIMIT)
        }
      }
      const keys = [
        ...sids.all.map((sid) => keyOf({ prefix }, sid)),
        ...VALUES.map((value) => `by:${prefix}${value}`),
      ]
      await ask(test.client, 'UNLINK', ...keys)
    })
    const numRuns = Math.ceil(RUNS / AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => fc.assert(property, { numRuns, seed: SEED + i })),
    )
    expect(runs).to.be.at.least(RUNS)
  })
})
