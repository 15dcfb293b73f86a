import { once } from 'node:events'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { createClient } from 'redis'
import { gateOf, type SolidisClient } from '../../lib/clients/solidis.ts'
import { type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { startRedis } from '../../scripts/redis-server.js'
import { rejection } from '../support/calls.ts'
import { createSolidis, solidisKind } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { Relay } from '../support/relay.ts'
import { ask, type Data, data } from '../support/requests.ts'

type Solidis = SolidisClient & NodeJS.EventEmitter

const CALLERS = 50
/** So that what a client of Solidis cannot get out of before is over soon. */
const SOON_MS = 300

const isAnswered = async (gate: SolidisLike) => {
  return gate.send([['PING']]).then(
    () => true,
    () => false,
  )
}

describe('Solidis in trouble', () => {
  if (solidisKind.missing !== undefined) {
    it(`is not tested here, because ${solidisKind.missing}`)
    return
  }

  let redis: Awaited<ReturnType<typeof startRedis>>
  /** Past all that is tested. */
  let admin: ReturnType<typeof createClient>
  const clients: SolidisClient[] = []

  before(async () => {
    redis = await startRedis()
    admin = createClient({ url: redis.url })
    await admin.connect()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.quit()
    await admin.sendCommand(['FLUSHALL'])
  })
  after(async () => {
    admin.destroy()
    await redis.stop()
  })

  function solidis(options: object = {}): Solidis {
    const { hostname: host, port } = new URL(redis.url)
    const client = createSolidis({ host, port: Number(port), commandTimeout: SOON_MS, ...options })
    clients.push(client)
    return client as Solidis
  }

  const dropAll = () => admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])

  /** Many callers, each of which asks for what is its own, over and over. */
  async function callers(gate: SolidisLike) {
    for (let i = 0; i < CALLERS; i++) await admin.set(`user${i}`, `user${i}`)
    const count = { own: 0, foreign: 0, failed: 0 }
    let isOver = false
    const all = Array.from({ length: CALLERS }, async (_, i) => {
      while (!isOver) {
        try {
          const [[reply]] = (await gate.send([['GET', `user${i}`]])) as [[unknown]]
          count[String(reply) === `user${i}` ? 'own' : 'foreign']++
        } catch {
          count.failed++
        }
        await sleep(5 + 10 * Math.random())
      }
    })
    const served = async () => {
      const before = count.own
      await eventually(async () => count.own > before + CALLERS * 2)
    }
    await served()
    return {
      count,
      served,
      async stop() {
        isOver = true
        await Promise.all(all)
      },
    }
  }

  const faults: Record<string, [begin: string[], end: string[]]> = {
    'whose password was changed': [
      ['CONFIG', 'SET', 'requirepass', 'other'],
      ['CONFIG', 'SET', 'requirepass', ''],
    ],
    'whose user may no longer ask for INFO': [
      ['ACL', 'SETUSER', 'default', '-info'],
      ['ACL', 'SETUSER', 'default', '+info'],
    ],
  }
  for (const [what, [begin, end]] of Object.entries(faults)) {
    it(`gives nobody the reply of another: one ${what}`, async () => {
      const { count, served, stop } = await callers(gateOf(solidis()))
      for (let i = 0; i < 2; i++) {
        await admin.sendCommand(begin)
        await dropAll()
        const { failed } = count
        await eventually(async () => count.failed > failed + CALLERS * 2)
        await admin.sendCommand(end)
        await served()
      }
      await stop()
      expect(count.foreign).to.equal(0)
    })
  }

  it('gives nobody the reply of another: one whose server was frozen', async () => {
    const { count, served, stop } = await callers(gateOf(solidis()))
    process.kill(redis.pid as number, 'SIGSTOP')
    try {
      await eventually(async () => count.failed >= CALLERS)
      await sleep(3 * SOON_MS)
    } finally {
      process.kill(redis.pid as number, 'SIGCONT')
    }
    await served()
    await stop()
    expect(count.foreign).to.equal(0)
  })

  it('gives nobody the reply of another: one whose connection ends under many', async () => {
    const client = solidis()
    const { count, served, stop } = await callers(gateOf(client))
    const many = Array.from({ length: 50 }, () => ['GET', 'user0'])
    for (let i = 0; i < 5; i++) {
      const sent = Array.from({ length: 500 }, () => gateOf(client).send(many))
      sent[0]?.then(dropAll, () => {})
      const replies = await Promise.allSettled(sent)
      for (const reply of replies) {
        if (reply.status === 'rejected') count.failed++
        else if (reply.value.some(([value]) => String(value) !== 'user0')) count.foreign++
      }
      await served()
    }
    await stop()
    expect(count.foreign).to.equal(0)
    expect(count.failed).to.be.greaterThan(0)
  })

  it('gives nobody a push for a reply', async () => {
    const client = solidis({ protocol: 'RESP3' })
    const { count, served, stop } = await callers(gateOf(client))
    await client.send([['CLIENT', 'TRACKING', 'ON']])
    for (let i = 0; i < 20; i++) {
      await admin.set('user7', 'user7')
      await sleep(10)
    }
    await client.send([['CLIENT', 'TRACKING', 'OFF']]).catch(() => {})
    await served()
    await stop()
    expect(count.foreign).to.equal(0)
  })

  it('writes to no other database when its connection drops', async () => {
    const gate = gateOf(solidis({ database: 3 }))
    let drops = 0
    let written = 0
    const write = async (i: number) => {
      while (drops < 20) {
        await gate.send([['SET', `key${i}`, 'x']]).then(
          () => written++,
          () => {},
        )
      }
    }
    const writers = Array.from({ length: 20 }, (_, i) => write(i))
    for (; drops < 20; drops++) {
      const before = written
      await eventually(async () => written > before + 20)
      await dropAll()
    }
    await Promise.all(writers)
    expect(await admin.sendCommand(['INFO', 'keyspace']))
      .to.include('db3:')
      .and.not.include('db0:')
  })

  it('tells calls of a drop at once, though their replies will never come', async () => {
    const gate = gateOf(solidis({ commandTimeout: 60_000 }))
    await gate.send([['PING']])
    const call = rejection(gate.send([['BLPOP', 'nothing', '0']]))
    await eventually(async () =>
      /cmd=blpop/.test(String(await admin.sendCommand(['CLIENT', 'LIST']))),
    )
    await dropAll()
    expect(await call).to.include({ name: 'ClientError', code: 'ECONNRESET' })
    expect(await gate.send([['PING']])).to.deep.equal([['PONG']])
  })

  it('loses no answer when the process was busy for longer than it waits, twice in a row', async () => {
    const gate = gateOf(solidis())
    const store = new SolidisStore({ client: gate, timeout: SOON_MS })
    const sids = Array.from({ length: 30 }, (_, i) => `${i}`)
    for (const sid of sids) await store.set(sid, data({ sid }))
    for (const n of [1, 2]) {
      // So that no answer comes before the process is busy.
      process.kill(redis.pid as number, 'SIGSTOP')
      const calls: Promise<SessionData | null>[] = []
      for (const sid of sids) {
        calls.push(store.get(sid))
        // Each is a pipeline of its own, and has a timer of its own.
        await turn()
      }
      calls.push(store.update('0', (session) => void Object.assign(session, { n })))
      for (let left = 10; left > 0; left--) await turn()
      process.kill(redis.pid as number, 'SIGCONT')
      const end = Date.now() + 2 * SOON_MS
      while (Date.now() < end);
      const sessions = await Promise.all(calls)
      expect(sessions.map((session) => (session as Data).sid)).to.deep.equal([...sids, '0'])
      expect(await store.get('0')).to.include({ n })
    }
  })

  it('tells calls of quit at once, those that come after it, too', async () => {
    const client = solidis({ commandTimeout: 60_000 })
    const gate = gateOf(client)
    await gate.send([['PING']])
    const call = rejection(gate.send([['BLPOP', 'nothing', '0']]))
    client.quit()
    // It may have been carried out.
    expect(await call).to.include({ code: 'ECONNRESET' })
    expect(await rejection(gate.send([['PING']]))).to.include({ code: 'ENOTCONN' })
  })

  it('goes on after an outage in which Solidis has given up', async () => {
    const relay = new Relay(redis.url)
    await relay.open()
    const port = Number(new URL(relay.url).port)
    const client = solidis({ port, connectionRetryDelay: 1, maxConnectionRetries: 20 })
    const gate = gateOf(client)
    await gate.send([['PING']])
    await relay.close()
    let refusals = 0
    client.on('error', () => refusals++)
    await eventually(async () => refusals > 20)
    const codes: unknown[] = []
    for (let i = 0; i < 3; i++) codes.push((await rejection(gate.send([['PING']]))).code)
    expect(codes).to.deep.equal(['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'])
    await sleep(100)
    await relay.open()
    await eventually(() => isAnswered(gate))
    await relay.close()
  })

  it('goes on after its server was killed, and started again', async () => {
    const other = await startRedis()
    const gate = gateOf(solidis({ port: other.port }))
    await gate.send([['PING']])
    process.kill(other.pid as number, 'SIGKILL')
    await eventually(async () => !(await isAnswered(gate)))
    await other.stop()
    const again = await startRedis(undefined, undefined, other.port)
    await eventually(() => isAnswered(gate))
    await again.stop()
  })

  it('may be connected before, after, or by the first call', async () => {
    const connected = solidis()
    await connected.connect()
    const connecting = solidis()
    const lazy = solidis({ lazyConnect: true })
    for (const client of [connected, connecting, lazy]) {
      expect(await gateOf(client).send([['PING']])).to.deep.equal([['PONG']])
    }
  })

  it('may reject where Redis refuses a command', async () => {
    const store = new SolidisStore({ client: solidis({ rejectOnPartialPipelineError: true }) })
    await ask(store.client, 'LPUSH', 'sess:1', 'x')
    await store.set('2', data({ user: 'ann' }))
    const [wrong, right] = await Promise.allSettled([store.get('1'), store.get('2')])
    expect(wrong).to.have.property('value', null)
    expect(right).to.have.nested.property('value.user', 'ann')
  })

  it('may have a user with no more rights than the store needs', async () => {
    const rights = '-@all +get +set +unlink +pexpire +pttl +evalsha +eval +scan +exists +time'
    await admin.sendCommand(['ACL', 'SETUSER', 'least', 'on', '>pw', '~*', ...rights.split(' ')])
    const authentication = { username: 'least', password: 'pw' }
    const store = new SolidisStore({ client: solidis({ authentication, enableReadyCheck: false }) })
    await store.set('1', data({ user: 'ann' }))
    expect(await store.get('1')).to.include({ user: 'ann' })
  })

  it('says which rights a user lacks for what a script does', async () => {
    const rights = '-@all +get +set +unlink +pexpire +pttl +evalsha +eval +scan +exists'
    await admin.sendCommand(['ACL', 'SETUSER', 'less', 'on', '>pw', '~*', ...rights.split(' ')])
    const authentication = { username: 'less', password: 'pw' }
    const store = new SolidisStore({ client: solidis({ authentication, enableReadyCheck: false }) })
    const error = await rejection(store.set('1', data({ user: 'ann' })))
    expect(error).to.include({ code: 'NOPERM' })
    expect(error.message).to.match(/may not run .* time; .*pexpireat$/)
  })

  it('says what Redis says of the user, and not the password', async () => {
    await admin.sendCommand(['ACL', 'SETUSER', 'ann', 'on', '>pw', '~*', '+@all', '-info'])
    const tries = { WRONGPASS: 'hunter2', NOPERM: 'pw' }
    for (const [code, password] of Object.entries(tries)) {
      const client = solidis({ authentication: { username: 'ann', password } })
      const error = await rejection(gateOf(client).send([['GET', 'the-sid']]))
      expect(error).to.include({ name: 'ClientError', code })
      expect(inspect(error, { depth: 9 })).not.to.match(/hunter2|AUTH ann|the-sid/)
    }
  })

  it('says that there is no such host, or nothing that listens', async () => {
    const closed = solidis({ port: 1 })
    expect(await rejection(gateOf(closed).send([['PING']]))).to.include({
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
    })
    const nowhere = solidis({ host: 'no-such-host.invalid' })
    const { code } = await rejection(gateOf(nowhere).send([['PING']]))
    // Where names cannot be looked up at all, the second.
    expect(code).to.be.oneOf(['ENOTFOUND', 'EAI_AGAIN'])
  })

  it('can be told to take a new connection, also where the old one is dead', async () => {
    const relay = new Relay(redis.url)
    await relay.open()
    const client = solidis({ port: Number(new URL(relay.url).port), commandTimeout: 60_000 })
    const gate = gateOf(client)
    const [[first]] = (await gate.send([['CLIENT', 'ID']])) as [[number]]
    const connections = gate.connections as number
    relay.strand()
    const call = rejection(gate.send([['PING']]))
    gate.reconnect?.()
    expect(await call).to.include({ code: 'ECONNRESET' })
    const [[second]] = (await gate.send([['CLIENT', 'ID']])) as [[number]]
    expect(second).to.be.greaterThan(first)
    expect(gate.connections).to.equal(connections + 1)
    await relay.close()
  })

  it('can be told to take a new connection', async () => {
    const client = solidis()
    const gate = gateOf(client)
    const [[first]] = (await gate.send([['CLIENT', 'ID']])) as [[number]]
    const ready = once(client, 'ready')
    const call = rejection(gate.send([['BLPOP', 'nothing', '0']]))
    gate.reconnect?.()
    expect(await call).to.include({ code: 'ECONNRESET' })
    await ready
    const [[second]] = (await gate.send([['CLIENT', 'ID']])) as [[number]]
    expect(second).to.be.greaterThan(first)
  })
})
