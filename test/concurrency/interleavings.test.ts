import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { SessionConflictError, SolidisStore } from '../../lib/index.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { ENCRYPTED, keyOf, textIn } from '../support/encrypted.ts'
import { Gate } from '../support/gate.ts'
import { freshPrefix } from '../support/redis.ts'
import * as requests from '../support/requests.ts'
import {
  ask,
  attributesOf,
  data,
  equip,
  ONE_HOUR_MS,
  type RequestSession,
} from '../support/requests.ts'

type Attributes = Record<string, unknown>
type Policy = 'merge' | 'overwrite' | 'reject'
type Outcome = 'written' | 'gone' | 'conflict' | Attributes | null

/** What a request does, step after step, each after the one before has ended. */
type Step =
  | readonly ['set', name: string, value: unknown]
  | readonly ['delete', name: string]
  | readonly ['load' | 'save' | 'touch' | 'destroy' | 'regenerate' | 'reload']
  /** Two saves at once, with a change in between. */
  | readonly ['save twice', name: string, value: unknown]

const INITIAL = { shared: 0, common: [1, 2], other: { x: 1 } }

/** Each for a request of the given name, so that what it writes can be told apart. */
const SCRIPTS: Record<string, (me: string) => Step[]> = {
  'change another attribute': (me) => [['load'], ['set', me, 1], ['save']],
  'change the same attribute': (me) => [['load'], ['set', 'shared', me], ['save']],
  'delete an attribute': () => [['load'], ['delete', 'common'], ['save']],
  'change what the other deletes': (me) => [['load'], ['set', 'common', me], ['save']],
  'save twice': (me) => [
    ...([['load'], ['set', 'shared', `${me}1`], ['save']] as const),
    ...([['set', me, 2], ['delete', 'other'], ['save']] as const),
  ],
  'save and undo': (me) => [
    ...([['load'], ['set', 'shared', me], ['save']] as const),
    ...([['set', 'shared', 0], ['save']] as const),
  ],
  'save and undo at once': (me) => [
    ...([['load'], ['set', me, 1], ['set', 'shared', me]] as const),
    ['save twice', 'shared', 0],
  ],
  'save unchanged': () => [['load'], ['save']],
  touch: () => [['load'], ['touch']],
  destroy: () => [['load'], ['destroy']],
  'save, then destroy': (me) => [['load'], ['set', 'shared', me], ['save'], ['destroy']],
  'destroy, then save': (me) => [['load'], ['set', me, 1], ['destroy'], ['save']],
  regenerate: (me) => [['load'], ['regenerate'], ['set', me, 1], ['save']],
  'discard by reload': (me) => [
    ...([['load'], ['set', 'shared', me], ['reload']] as const),
    ...([['set', me, 1], ['save']] as const),
  ],
  'save, reload, save': (me) => [
    ...([['load'], ['set', 'common', me], ['save'], ['reload']] as const),
    ...([['set', 'shared', me], ['save']] as const),
  ],
  'change, touch': (me) => [['load'], ['set', me, 1], ['save'], ['touch']],
}

/** One step of a request that has ended, as it was seen from outside. */
interface Event {
  readonly request: string
  readonly kind: Step[0]
  /** After how many commands it ended. */
  readonly endedAt: number
  /** How many steps of all requests began before it. */
  readonly began: number
  /** The attributes that it wrote. */
  readonly ours: Attributes
  /** When it wanted the session to expire. */
  readonly expires: number
  readonly outcome: Outcome
}

/** What a request has loaded, or written since. */
interface Loaded {
  own: Attributes
  version: number
  expires: number
}

/**
 * What the page of the store promises, one step at a time: a save applies what the request changed
 * to what is there then, and nothing comes back that is gone.
 */
class Model {
  attributes: Attributes | null = INITIAL
  expires: number
  #version = 0
  readonly #policy: Policy
  readonly #loaded = new Map<string, Loaded>()
  readonly #regenerated = new Set<string>()

  constructor(policy: Policy, expires: number) {
    this.#policy = policy
    this.expires = expires
  }

  outcomeOf(event: Event): Outcome {
    if (event.kind === 'load' || event.kind === 'reload') return this.#load(event)
    if (event.kind === 'destroy') return this.#destroy()
    if (event.kind === 'regenerate') {
      this.#regenerated.add(event.request)
      return this.#destroy()
    }
    if (this.#regenerated.has(event.request)) return 'written'
    if (this.attributes === null) return 'gone'
    return event.kind === 'touch' ? this.#touch(event) : this.#save(event, this.attributes)
  }

  #load({ request }: Event): Outcome {
    if (this.attributes === null) return null
    this.#loaded.set(request, {
      own: this.attributes,
      version: this.#version,
      expires: this.expires,
    })
    return this.attributes
  }

  #save(event: Event, theirs: Attributes): Outcome {
    const { request, ours } = event
    const { own, version } = this.#loaded.get(request) as Loaded
    const names = new Set([...Object.keys(own), ...Object.keys(ours)])
    const changes = [...names].filter((n) => JSON.stringify(own[n]) !== JSON.stringify(ours[n]))
    if (changes.length === 0) return this.#extend(event)
    const isDispute = version !== this.#version && JSON.stringify(own) !== JSON.stringify(theirs)
    if (this.#policy === 'reject' && isDispute) return 'conflict'
    this.attributes = this.#policy === 'overwrite' ? ours : { ...theirs }
    for (const name of changes) {
      if (name in ours) this.attributes[name] = ours[name]
      else delete this.attributes[name]
    }
    this.#version++
    this.#loaded.set(request, { own: ours, version: this.#version, expires: this.expires })
    return this.#extend(event)
  }

  #extend({ request, expires }: Event): Outcome {
    this.expires = expires
    ;(this.#loaded.get(request) as Loaded).expires = expires
    return 'written'
  }

  /** Does not shorten what another has lengthened since. */
  #touch(event: Event): Outcome {
    const loaded = this.#loaded.get(event.request) as Loaded
    if (this.expires <= Math.max(loaded.expires, event.expires)) return this.#extend(event)
    loaded.expires = event.expires
    return 'written'
  }

  #destroy(): Outcome {
    this.attributes = null
    return 'written'
  }
}

interface Scenario {
  readonly policy: Policy
  /** By request, the name of its script. */
  readonly scripts: Record<string, string>
  /** Whether the requests run in one process, with one store. */
  readonly together: boolean
}

/** One order of the commands of a scenario: at each point, which of the waiting ones goes next. */
interface Order {
  readonly taken: number[]
  /** How many there were to choose from. */
  readonly of: number[]
}

let test: TestClient

/** Takes the given choices, then always the first, and checks all that came of it. */
async function runOrder({ policy, scripts, together }: Scenario, prefix: number[]): Promise<Order> {
  const gate = new Gate()
  const keyPrefix = freshPrefix()
  const makeStore = (lane: number) => {
    const client = gate.wrap(test.client, lane)
    return equip(
      new SolidisStore({ ...ENCRYPTED, client, prefix: keyPrefix, onConflict: policy, timeout: 0 }),
    )
  }
  const first = makeStore(0)
  const start = Date.now()
  const model = new Model(policy, start + ONE_HOUR_MS)
  await first.set('sid', data(INITIAL))
  gate.close()

  const events: Event[] = []
  const order: Order = { taken: [], of: [] }
  const names = Object.keys(scripts)
  const ended = new Set<number>()
  const gone: string[] = []
  let began = 0
  let begins = Promise.resolve()
  const runs = names.map(async (name, lane) => {
    const store = together ? first : makeStore(lane)
    const request = new Request(store, async (kind, session, call) => {
      const expires = start + (lane * 100 + 2 + began) * ONE_HOUR_MS
      if (kind === 'save' || kind === 'touch') requests.expireAt(session, expires)
      const ours = session ? structuredClone(attributesOf(session)) : {}
      const event = { request: name, kind, expires, ours, began: began++ }
      const outcome = await call()
      events.push({ ...event, outcome, endedAt: order.taken.length })
      return outcome
    })
    if (lane === 0 || !together) store.on('gone', ({ sid }) => gone.push(sid))
    const steps = SCRIPTS[scripts[name] as string] as (me: string) => Step[]
    for (const step of steps(name)) {
      // What begins in one turn would be sent together, in one order.
      begins = begins.then(() => turn())
      if (together) await begins
      if (!(await request.take(step))) break
    }
    ended.add(lane)
  })
  const done = Promise.all(runs)
  done.catch(() => {})

  for (;;) {
    await quiet(gate, names, ended, together, done)
    if (ended.size === names.length) break
    const taken = prefix[order.taken.length] ?? 0
    order.taken.push(taken)
    order.of.push(gate.held.length)
    gate.held.sort((a, b) => a.lane - b.lane)
    await gate.pass(taken)
  }
  await done

  // What ended with the same command was written together, in the order of the calls.
  events.sort((a, b) => a.endedAt - b.endedAt || a.began - b.began)
  for (const event of events) {
    const { outcome } = event
    const expected = model.outcomeOf(event)
    const seen = outcome === 'written' && expected === 'gone' && gone.shift() ? 'gone' : outcome
    expect(seen, `${event.kind} of ${event.request}`).to.deep.equal(expected)
  }
  expect(gone, 'gone events').to.deep.equal([])
  const key = keyOf({ prefix: keyPrefix }, 'sid')
  const payload = await ask(test.client, 'GET', key)
  const text = payload === null ? null : textIn(keyPrefix, 'sid', payload)
  const attributes = text === null ? null : attributesOf(JSON.parse(text))
  expect(attributes, 'in Redis').to.deep.equal(model.attributes)
  if (attributes !== null) {
    const life = Number(await ask(test.client, 'PTTL', key))
    expect(Date.now() + life).to.be.closeTo(model.expires, ONE_HOUR_MS / 2)
  }
  return order
}

/** Sees to it that a call is noted. */
type Note = (
  kind: Event['kind'],
  session: RequestSession,
  call: () => Promise<Outcome>,
) => Promise<Outcome>

class Request {
  readonly #store: SolidisStore
  readonly #note: Note
  #req!: requests.FakeRequest
  /** The session that a handler holds, even after it has destroyed it. */
  #session!: RequestSession

  constructor(store: SolidisStore, note: Note) {
    this.#store = store
    this.#note = note
  }

  /** Takes one step. Resolves to whether there can be another. */
  async take(step: Step): Promise<boolean> {
    const [kind] = step
    if (kind === 'set') Object.assign(this.#session, { [step[1]]: step[2] })
    else if (kind === 'delete') delete this.#session[step[1]]
    else if (kind === 'save twice') {
      const before = this.#call('save')
      Object.assign(this.#session, { [step[1]]: step[2] })
      await Promise.all([before, this.#call('save')])
    } else return (await this.#call(kind)) !== null
    return true
  }

  #call(kind: Event['kind']): Promise<Outcome> {
    const session = this.#session
    return this.#note(kind, session, () => this.#outcome(kind, session))
  }

  async #outcome(kind: Event['kind'], session: RequestSession): Promise<Outcome> {
    try {
      if (kind === 'load') this.#req = await requests.request(this.#store, 'sid')
      if (kind === 'save') await requests.save(session)
      if (kind === 'touch') await requests.touch(session)
      if (kind === 'destroy') await requests.destroy(session)
      if (kind === 'regenerate') await requests.regenerate(session)
      if (kind === 'reload') await requests.reload(this.#req)
    } catch (error) {
      if (error instanceof SessionConflictError && error.sid === session.id) return 'conflict'
      if (kind === 'reload' && /failed to load session/.test(String(error))) return null
      throw error
    }
    if (this.#req.session !== undefined) this.#session = this.#req.session
    if (kind !== 'load' && kind !== 'reload') return 'written'
    return this.#req.session === undefined ? null : attributesOf(this.#session)
  }
}

/** Waits until nothing goes on but by the commands that are held. */
async function quiet(
  gate: Gate,
  requests: string[],
  ended: Set<number>,
  together: boolean,
  done: Promise<unknown>,
): Promise<void> {
  for (let turns = 1; turns < 5000; turns++) {
    await turn()
    const waiting = requests.map((_, lane) => gate.held.some((held) => held.lane === lane))
    if (ended.size === requests.length) return
    // In one process a write may wait for another, which no command shows.
    if (together && turns > 5 && gate.held.length > 0) return
    if (!together && requests.every((_, lane) => ended.has(lane) || waiting[lane])) return
    if (turns > 10) await Promise.race([sleep(1), done])
  }
  throw new Error('A request neither ends nor sends anything')
}

/** Runs every order of the commands of a scenario, one by one. Resolves to their number. */
async function runEveryOrder(scenario: Scenario): Promise<number> {
  const prefixes: number[][] = [[]]
  let orders = 0
  for (let prefix = prefixes.pop(); prefix !== undefined; prefix = prefixes.pop()) {
    const { taken, of } = await runOrder(scenario, prefix).catch((error) => {
      const which = `order ${JSON.stringify(prefix)} of ${JSON.stringify(scenario)}`
      throw new Error(`${which}: ${error.message}`, { cause: error })
    })
    orders++
    for (let i = prefix.length; i < of.length; i++) {
      for (let other = 1; other < (of[i] as number); other++) {
        prefixes.push([...taken.slice(0, i), other])
      }
    }
  }
  return orders
}

/** Every pair of scripts, each once. */
function pairs(): [string, string][] {
  const names = Object.keys(SCRIPTS)
  return names.flatMap((a, i) => names.slice(i).map((b): [string, string] => [a, b]))
}

describe('two requests of one session, in every order of their commands', () => {
  before(async () => {
    test = await mainKind.connect()
    // A server that does not know a script yet would ask for a second command.
    const store = equip(
      new SolidisStore({ ...ENCRYPTED, client: test.client, prefix: freshPrefix() }),
    )
    await store.set('sid', data())
    const session = await requests.open(store, 'sid')
    await requests.save(Object.assign(session, { changed: true }))
    await requests.touch(session)
    await requests.regenerate(session)
    await store.destroy('sid')
  })

  after(() => test.close())

  for (const policy of ['merge', 'overwrite', 'reject'] as const) {
    for (const together of [false, true]) {
      it(`${policy}, in ${together ? 'one process' : 'two processes'}`, async function () {
        this.timeout(60_000)
        const failures: string[] = []
        const counts = await Promise.all(
          pairs().map(([a, b]) =>
            runEveryOrder({ policy, together, scripts: { A: a, B: b } }).catch((error) => {
              failures.push(error.message)
              return 0
            }),
          ),
        )
        expect(failures.join('\n\n')).to.equal('')
        expect(counts.reduce((sum, count) => sum + count)).to.be.above(together ? 800 : 1000)
      })
    }
  }
})
