import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createClient, createCluster } from 'redis'
import { fromNodeRedis } from '../../lib/clients/node-redis.ts'
import type { Command } from '../../lib/index.ts'
import { type SolidisLike, SolidisStore, type WalkOptions } from '../../lib/index.ts'
import { startRedis } from '../../scripts/redis-server.js'
import { rejection } from '../support/calls.ts'
import { clientKinds, mainKind, type TestClient } from '../support/clients.ts'
import { startCluster } from '../support/cluster.ts'
import { freshPrefix } from '../support/redis.ts'
import { type Data, data } from '../support/requests.ts'
import { silentClient } from '../support/stub.ts'

const COUNT = 250
const SCAN_COUNT = 20
const METHODS = ['length', 'ids', 'all', 'clear'] as const

/** A client that notes how many commands it was asked to send. */
function counting(client: SolidisLike) {
  const counted = {
    commands: 0,
    send(commands: Command[]) {
      counted.commands += commands.length
      return client.send(commands)
    },
  }
  return counted
}

async function fill(store: SolidisStore, sids: Iterable<string>): Promise<void> {
  await Promise.all(Array.from(sids, (sid) => store.set(sid, data({ of: sid }))))
}

function sidsUpTo(count: number, name = 's'): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`)
}

async function sidsOf(store: SolidisStore): Promise<string[]> {
  const sids: string[] = []
  for await (const [sid] of store) sids.push(sid)
  return sids
}

for (const kind of clientKinds) {
  describe(`a walk over many sessions, over ${kind.name}`, () => {
    if (kind.missing !== undefined) {
      it(`cannot be tested: ${kind.missing}`)
      return
    }
    let test: TestClient
    let counted: ReturnType<typeof counting>
    let store: SolidisStore
    before(async () => {
      test = await kind.connect()
    })
    after(() => test.close())
    beforeEach(async () => {
      counted = counting(test.client)
      const options = { prefix: freshPrefix(), scanCount: SCAN_COUNT }
      store = new SolidisStore({ client: { ...test.client, send: counted.send }, ...options })
      await fill(store, sidsUpTo(COUNT))
      counted.commands = 0
    })
    afterEach(() => store.clear())

    it('gives each session to a loop, with its id beside it', async () => {
      const found = new Map<string, Data>()
      for await (const [sid, session] of store) found.set(sid, session as Data)
      expect([...found.keys()].sort()).to.deep.equal(sidsUpTo(COUNT).sort())
      for (const [sid, session] of found) {
        expect(Object.keys(session).sort()).to.deep.equal(['cookie', 'of'])
        expect(session.of).to.equal(sid)
        expect(session.cookie.expires).to.be.an.instanceof(Date)
      }
    })

    it('sends nothing more once the loop is left', async () => {
      await sidsOf(store)
      const whole = counted.commands
      counted.commands = 0
      for await (const [sid, session] of store) {
        expect([sid, (session as Data).of]).to.deep.equal([sid, sid])
        break
      }
      const { commands } = counted
      await store.exists('s0')
      await sleep(20)
      expect(counted.commands).to.equal(commands + 1)
      // How many pages there are depends on what else there is to SCAN.
      expect(commands).to.be.below(whole / 2)
    })

    it('lets the sessions of a loop be changed, set and destroyed', async () => {
      for await (const [sid, session] of store) {
        if (sid.endsWith('7')) await store.destroy(sid)
        else await store.set(sid, Object.assign(session, { seen: true }))
      }
      const left = await store.all()
      expect(left.map(({ id }) => id).sort()).to.deep.equal(
        sidsUpTo(COUNT)
          .filter((sid) => !sid.endsWith('7'))
          .sort(),
      )
      expect(left.every((session) => (session as unknown as Data).seen)).to.equal(true)
    })

    for (const method of METHODS) {
      it(`tells of the progress of ${method}, page by page`, async () => {
        const told: number[] = []
        await store[method]({ onProgress: ({ done }) => told.push(done) })
        expect(told.at(-1)).to.equal(COUNT)
        expect(told.length).to.be.above(3)
        expect(told).to.deep.equal([...new Set(told)].sort((a, b) => a - b))
      })

      it(`ends ${method} when it is aborted, and sends nothing more`, async () => {
        const controller = new AbortController()
        const reason = new Error('enough')
        let commands = 0
        const onProgress = () => {
          controller.abort(reason)
          commands = counted.commands
        }
        const { signal } = controller
        expect(await rejection(store[method]({ signal, onProgress }))).to.equal(reason)
        await sleep(20)
        expect(counted.commands).to.equal(commands)
        expect(await store.length()).to.be.above(method === 'clear' ? 100 : COUNT - 1)
      })
    }
  })
}

describe('options of a walk', () => {
  const silent = () => new SolidisStore({ client: silentClient(), timeout: 0 })

  for (const method of METHODS) {
    it(`abort ${method} while it waits for Redis, whatever the reason`, async () => {
      for (const reason of [new Error('enough'), 'text', undefined]) {
        const controller = new AbortController()
        const call = silent()[method]({ signal: controller.signal })
        setImmediate(() => controller.abort(reason))
        expect(await rejection(call)).to.equal(controller.signal.reason)
      }
      const controller = new AbortController()
      const call = silent()[method]({ signal: controller.signal })
      controller.abort(null)
      expect(await rejection(call)).to.include({ name: 'AbortError' })
    })

    it(`let ${method} send nothing where they are aborted already`, async () => {
      const client = silentClient()
      const signal = AbortSignal.abort()
      const store = new SolidisStore({ client })
      expect(await rejection(store[method]({ signal }))).to.equal(signal.reason)
      expect(client.send.callCount).to.equal(0)
    })

    const bad: [options: object, message: string][] = [
      [{ signal: 5 }, 'signal: expected an AbortSignal, got 5'],
      [{ signal: {} }, 'signal: expected an AbortSignal, got an object'],
      [{ signal: null }, 'signal: expected an AbortSignal, got null'],
      [{ onProgress: 'often' }, 'onProgress: expected a function, got a string'],
      [
        { onprogress() {} },
        'onprogress: there is no such option; the options are signal, onProgress',
      ],
    ]
    for (const [options, message] of bad) {
      it(`are refused by ${method}: ${message}`, async () => {
        const error = await rejection(silent()[method](options as WalkOptions))
        expect(error).to.be.an.instanceof(TypeError)
        expect(error.message).to.equal(message)
      })
    }
  }

  it('end the walk by what onProgress throws', async () => {
    const { client, close } = await mainKind.connect()
    const store = new SolidisStore({ client, prefix: freshPrefix() })
    await fill(store, ['1'])
    const error = new Error('of the app')
    const onProgress = () => {
      throw error
    }
    expect(await rejection(store.length({ onProgress }))).to.equal(error)
    await store.clear()
    close()
  })
})

describe('a walk while Redis changes the size of its table', function () {
  this.timeout(60_000)
  const STAYING = 2000
  const COMING = 30_000
  let server: Awaited<ReturnType<typeof startRedis>>
  before(async () => {
    server = await startRedis()
  })
  after(() => server.stop())

  /** A client that lets keys come and go by turns, so many between any two pages. */
  async function resizing(prefix: string) {
    const client = await createClient({ url: server.url }).connect()
    const wrapped = fromNodeRedis(client)
    let pages = 0
    let added = 0
    let isGrowing = true
    const step = async () => {
      const script = isGrowing
        ? "for i = ARGV[1], ARGV[2] do redis.call('SET', 'other:' .. i, '') end"
        : "for i = ARGV[1], ARGV[2] do redis.call('DEL', 'other:' .. i) end"
      const range = [String(added), String(added + COMING / 10 - 1)]
      await client.eval(script, { arguments: range })
      added += COMING / 10
      if (added < COMING) return
      added = 0
      isGrowing = !isGrowing
      // Redis looks ten times a second for tables to shrink.
      if (isGrowing) await sleep(120)
    }
    return {
      close: () => client.destroy(),
      pages: () => pages,
      store: new SolidisStore({
        prefix,
        scanCount: 50,
        client: {
          ...wrapped,
          async send(commands) {
            if (commands[0]?.[0] === 'SCAN' && ++pages % 4 === 0) await step()
            return wrapped.send(commands)
          },
        },
      }),
    }
  }

  for (const method of ['ids', 'all', 'loop', 'length'] as const) {
    it(`misses nobody (${method})`, async () => {
      const { store, close, pages } = await resizing(`${method}:`)
      const staying = sidsUpTo(STAYING)
      await fill(store, staying)
      const before = pages()
      if (method === 'length') {
        const length = await store.length()
        expect(length).to.be.within(STAYING, STAYING + 10)
      } else {
        const all = async () => (await store.all()).map(({ id }) => id)
        const found = await (method === 'loop'
          ? sidsOf(store)
          : method === 'all'
            ? all()
            : store.ids())
        expect([...new Set(found)].sort()).to.deep.equal(staying.sort())
        expect(found.length).to.be.within(STAYING, STAYING + (method === 'loop' ? 10 : 0))
      }
      expect(pages() - before).to.be.above(40)
      await store.clear()
      close()
    })
  }
})

describe('a walk over a cluster', function () {
  this.timeout(60_000)
  let cluster: Awaited<ReturnType<typeof startCluster>>
  let client: ReturnType<typeof createCluster>
  before(async () => {
    cluster = await startCluster()
    const rootNodes = cluster.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
    client = createCluster({ rootNodes })
    await client.connect()
  })
  after(async () => {
    client?.destroy()
    await cluster?.stop()
  })

  it('visits every master, names one key a command, and can be left', async () => {
    const wrapped = fromNodeRedis(client)
    const names: string[] = []
    const store = new SolidisStore({
      scanCount: SCAN_COUNT,
      client: {
        ...wrapped,
        send(commands) {
          names.push(...commands.map((command) => `${command[0]} ${command.length}`))
          return wrapped.send(commands)
        },
      },
    })
    const sids = sidsUpTo(COUNT)
    await fill(store, sids)
    names.length = 0
    expect((await sidsOf(store)).sort()).to.deep.equal(sids.sort())
    expect(new Set(names)).to.deep.equal(new Set(['GET 2', 'PTTL 2']))
    for await (const [sid] of store) {
      expect(sids).to.include(sid)
      break
    }
    const progress: number[] = []
    await store.clear({ onProgress: ({ done }) => progress.push(done) })
    expect(progress.at(-1)).to.equal(COUNT)
    expect(await store.length()).to.equal(0)
  })
})
