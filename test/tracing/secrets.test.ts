import { expect } from 'chai'
import { SessionConflictError, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { CHANNELS, listen } from '../support/channels.ts'
import { clientKinds, type TestClient } from '../support/clients.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, type Data, data, open, save } from '../support/requests.ts'
import { failingClient } from '../support/stub.ts'

/** In upper case, too, as codes are. */
const MARKER = 'SECRET_MARKER'
const SID = `${MARKER}-sid`

describe('what the store publishes', () => {
  for (const kind of clientKinds) {
    it(`shows no session, id or key, whatever happens, over ${kind.name}`, async function () {
      if (kind.missing) this.skip()
      const tested = await kind.connect()
      const heard = listen()
      try {
        await live(tested)
      } finally {
        heard.stop()
        tested.close()
      }
      const names = new Set(heard.published.map(({ name }) => name))
      expect(names).to.have.property('size', CHANNELS.length)
      expect(heard.published).to.have.length.above(100)
      const shown = heard.published.filter(({ message }) => shows(message, MARKER))
      expect(shown.map(({ name }) => name)).to.deep.equal([])
    })
  }

  it('is looked at deeply', () => {
    class Holder {
      #hidden = { [Symbol('hidden')]: Buffer.from(`a ${MARKER}`) }
      get shown() {
        return this.#hidden
      }
    }
    const holders = [
      new SessionConflictError(SID),
      new Error('failed', { cause: new Map([[1, { args: [SID] }]]) }),
      Object.defineProperty({}, 'hidden', { value: [SID] }),
      new Holder(),
      { [SID]: 1 },
    ]
    for (const holder of holders) expect(shows(holder, MARKER)).to.equal(true)
    expect(shows({ name: 'another' }, MARKER)).to.equal(false)
  })
})

/** All that a store is asked, with the marker wherever a user may have something to hide. */
async function live({ client }: TestClient): Promise<void> {
  const prefix = `${freshPrefix()}${MARKER}:`
  const options = { client, prefix, indexBy: (session: object) => (session as Data).user as string }
  const make = (more: Partial<ConstructorParameters<typeof SolidisStore>[0]> = {}) =>
    new SolidisStore({ ...options, ...more })
  const secret = (n: number) => data({ user: MARKER, secret: `${MARKER}${n}` })
  const failure = () =>
    Object.assign(new Error(MARKER, { cause: SID }), { name: MARKER, code: MARKER, sid: SID })
  const fail = () => {
    throw failure()
  }
  const ignore = () => {}

  /** Two requests that both change a session. */
  async function conflict(store: SolidisStore): Promise<void> {
    await store.set(SID, secret(0))
    const [ours, theirs] = [await open(store, SID), await open(store, SID)]
    await save(Object.assign(theirs, { secret: `${MARKER}1` }))
    await save(Object.assign(ours, { secret: `${MARKER}2` })).catch(ignore)
  }

  const store = make()
  for (const onConflict of ['merge', 'overwrite', 'reject', fail] as const) {
    await conflict(make({ onConflict }))
  }
  const late = await open(store, SID)
  await store.touch(SID, late)
  await store.exists(SID)
  await store.update(SID, (session) => Object.assign(session, { more: MARKER }))
  await store.update(SID, fail).catch(ignore)
  await store.update(SID, async () => fail()).catch(ignore)
  await Promise.all([store.all(), store.ids(), store.length(), store.findBy(MARKER)])
  await store.ids({ signal: AbortSignal.abort(failure()) }).catch(ignore)
  await store.all({ onProgress: fail }).catch(ignore)
  await store.reindex()
  await store.destroyBy(MARKER)
  await save(Object.assign(late, { secret: MARKER })).catch(ignore)
  await store.touch(SID, late)

  const limited = make({ maxSessions: 1 })
  for (const i of [1, 2]) await limited.set(`${SID}${i}`, secret(i))
  const rejecting = make({ maxSessions: { limit: 1, whenFull: 'reject' } })
  await rejecting.set(`${SID}3`, secret(3)).catch(ignore)

  await ask(client, 'SET', prefix + SID, MARKER)
  await store.get(SID)
  await ask(client, 'UNLINK', prefix + SID)
  await ask(client, 'RPUSH', prefix + SID, MARKER)
  await store.get(SID)
  await store.set(SID, secret(4)).catch(ignore)
  await store.clear()

  for (const name of ['parse', 'stringify'] as const) {
    const failing = make({
      serializer: { parse: JSON.parse, stringify: JSON.stringify, [name]: fail },
    })
    await store.set(SID, secret(5))
    await failing.get(SID).catch(ignore)
    await failing.set(SID, secret(6)).catch(ignore)
    const later = make({
      serializer: { parse: JSON.parse, stringify: JSON.stringify, [name]: async () => fail() },
    })
    await later.get(SID).catch(ignore)
    await later.set(SID, secret(6)).catch(ignore)
  }
  await make({ ttl: fail }).set(SID, secret(7)).catch(ignore)
  await make({ indexBy: fail }).set(SID, secret(8)).catch(ignore)
  await store.get({ [MARKER]: MARKER } as never).catch(ignore)
  await store.set(SID, MARKER as never).catch(ignore)

  const ofClient = Object.assign(failure(), { code: SID, command: { args: [SID] } })
  for (const error of [ofClient, new Error(`${MARKER} refused`), MARKER]) await breakDown(error)

  async function breakDown(error: unknown): Promise<void> {
    const broken = make({ client: failingClient(error) as SolidisLike })
    for (let i = 0; i < 5; i++) await broken.get(SID).catch(ignore)
    await broken.set(SID, secret(9)).catch(ignore)
    await new Promise<void>((resolve) => broken.touch(SID, secret(9), () => resolve()))
  }
}

/** Whether a text is anywhere in a value: in hidden properties, keys, getters, prototypes too. */
function shows(value: unknown, text: string, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' && typeof value !== 'function') return String(value).includes(text)
  if (value === null || seen.has(value)) return false
  seen.add(value)
  if (value instanceof Uint8Array) return Buffer.from(value).includes(text)
  if (value instanceof Map || value instanceof Set) {
    for (const entry of value) if (shows(entry, text, seen)) return true
  }
  // Getters of a prototype are asked of what inherits them.
  for (let owner: object | null = value; owner !== null; owner = Object.getPrototypeOf(owner)) {
    for (const name of Reflect.ownKeys(owner)) {
      if (String(name).includes(text) || shows(held(value, name), text, seen)) return true
    }
  }
  return false
}

function held(object: object, name: string | symbol): unknown {
  try {
    return (object as Record<string | symbol, unknown>)[name]
  } catch {
    return undefined
  }
}
