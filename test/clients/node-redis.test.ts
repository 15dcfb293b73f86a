import { expect } from 'chai'
import { Redis } from 'ioredis'
import * as redis6 from 'redis'
import * as redis5 from 'redis5'
import sinon from 'sinon'
import { fromNodeRedis } from '../../lib/index.ts'
import { nodeRedisKind, type TestClient } from '../support/clients.ts'
import { startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { freshPrefix, redisUrl } from '../support/redis.ts'
import { Relay } from '../support/relay.ts'
import { startSentinel } from '../support/sentinel.ts'
import { failureOf, one, reconnectsWell, wrapsWell } from '../support/wrapped.ts'

const { createClient, createClientPool, createCluster, createSentinel } = redis6
/** The types of RESP, by their first bytes. */
const [BULK_STRING, NUMBER, SIMPLE_STRING] = [...Buffer.from('$:+')] as [36, 58, 43]
const UNUSUAL = { [BULK_STRING]: Buffer, [NUMBER]: String, [SIMPLE_STRING]: Buffer }
const keyPrefix = 'app[1]*:'

describe('fromNodeRedis', () => {
  let plain: TestClient
  before(async () => {
    plain = await nodeRedisKind.connect()
  })
  after(() => plain.close())

  type Closing = { destroy(): unknown }

  /** Wraps what is connected by the time it is wrapped. */
  function wrapping(
    client: Parameters<typeof fromNodeRedis>[0] & Closing,
    prefix = '',
    plainly = plain.client,
  ) {
    return {
      client: fromNodeRedis(client),
      plain: plainly,
      keyPrefix: prefix,
      close: () => void client.destroy(),
    }
  }

  for (const [version, { createClient, createClientPool }] of [
    ['6', redis6],
    // Its types are those of another package, but for what is used here the same.
    ['5', redis5 as unknown as typeof redis6],
  ] as const) {
    for (const RESP of [2, 3] as const) {
      describe(`over redis ${version}, RESP ${RESP}`, () => {
        wrapsWell(async () => wrapping(await createClient({ url: redisUrl(), RESP }).connect()))
      })

      describe(`over redis ${version}, RESP ${RESP}, with a typeMapping of the user's`, () => {
        wrapsWell(async () => {
          const commandOptions = { typeMapping: UNUSUAL }
          return wrapping(await createClient({ url: redisUrl(), RESP, commandOptions }).connect())
        })
      })
    }

    describe(`over redis ${version}, withTypeMapping`, () => {
      wrapsWell(async () => {
        const client = await createClient({ url: redisUrl() }).connect()
        return wrapping(client.withTypeMapping(UNUSUAL))
      })
    })

    describe(`over a pool of redis ${version}`, () => {
      wrapsWell(async () => {
        const commandOptions = { typeMapping: UNUSUAL }
        const pool = createClientPool({ url: redisUrl(), commandOptions })
        await pool.connect()
        return wrapping(pool)
      })
    })
  }

  for (const [version, { createClient }] of [
    ['6', redis6],
    ['5', redis5 as unknown as typeof redis6],
  ] as const) {
    it(`drops a connection of redis ${version} that is dead, and counts the new one`, async () => {
      const relay = new Relay()
      await relay.open()
      const client = createClient({ url: relay.url, RESP: 3, database: 3 }).on('error', () => {})
      const wrapped = fromNodeRedis(client)
      await client.connect()
      const heard: string[] = []
      await client.subscribe('news', (message) => heard.push(message))
      await reconnectsWell(wrapped, () => relay.strand())
      expect(await client.clientInfo()).to.include({ db: 3 })
      await eventually(async () => {
        await one(plain.client, 'PUBLISH', 'news', 'good')
        return heard.length > 0
      })
      wrapped.reconnect?.()
      // While it connects, it is left alone.
      wrapped.reconnect?.()
      expect(await one(wrapped, 'PING')).to.equal('PONG')
      client.destroy()
      wrapped.reconnect?.()
      expect(client.isOpen).to.equal(false)
      await relay.close()
    })
  }

  it('makes no AbortSignal for what is sent at once, which costs more than the command', async () => {
    const client = await createClient({ url: redisUrl() }).connect()
    const timeout = sinon.spy(AbortSignal, 'timeout')
    try {
      await client.get(freshPrefix())
      expect(timeout.callCount, 'of the client by itself').to.equal(1)
      await one(fromNodeRedis(client), 'GET', freshPrefix())
      expect(timeout.callCount).to.equal(1)
    } finally {
      timeout.restore()
      client.destroy()
    }
  })

  describe('over redis 6 with keyPrefix', () => {
    wrapsWell(async () =>
      wrapping(await createClient({ url: redisUrl(), keyPrefix }).connect(), keyPrefix),
    )

    it('also as a Buffer, which must be text', async () => {
      const client = await createClient({
        url: redisUrl(),
        keyPrefix: Buffer.from(keyPrefix),
      }).connect()
      const key = freshPrefix()
      await one(fromNodeRedis(client), 'SET', key, '1')
      expect(await one(plain.client, 'UNLINK', keyPrefix + key)).to.equal(1)
      client.destroy()
      expect(() => fromNodeRedis(createClient({ keyPrefix: Buffer.from([0xff]) }))).to.throw(
        TypeError,
        'keyPrefix that is text',
      )
    })

    it('is refused where a version knows none', () => {
      const client = redis5.createClient({ keyPrefix } as object)
      expect(() => fromNodeRedis(client)).to.throw(TypeError, "prefix: 'app:sess:'")
    })

    it('finds what the client itself has written', async () => {
      const client = await createClient({ url: redisUrl(), keyPrefix }).connect()
      const key = freshPrefix()
      await client.set(key, 'live')
      expect(await one(fromNodeRedis(client), 'GET', key)).to.equal('live')
      await client.del(key)
      client.destroy()
    })
  })

  describe('over a pool of redis 6 with keyPrefix', () => {
    wrapsWell(async () => {
      const pool = createClientPool({ url: redisUrl(), keyPrefix })
      await pool.connect()
      return wrapping(pool, keyPrefix)
    })
  })

  describe('over a cluster', () => {
    let servers: Awaited<ReturnType<typeof startCluster>>
    before(async () => {
      servers = await startCluster()
    })
    after(() => servers.stop())

    const rootNodes = () => servers.ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))

    for (const [version, create] of [
      ['6', createCluster],
      ['5', redis5.createCluster as unknown as typeof createCluster],
    ] as const) {
      for (const prefix of version === '6' ? ['', keyPrefix] : ['']) {
        describe(`of redis ${version}${prefix && ' with keyPrefix'}`, () => {
          wrapsWell(async () => {
            const commandOptions = { typeMapping: UNUSUAL }
            const options = { rootNodes: rootNodes(), commandOptions }
            const plainly = create({ rootNodes: rootNodes() })
            const cluster = create(prefix === '' ? options : { ...options, keyPrefix: prefix })
            await Promise.all([plainly.connect(), cluster.connect()])
            const wrapped = wrapping(cluster, prefix, fromNodeRedis(plainly))
            return {
              ...wrapped,
              close() {
                wrapped.close()
                plainly.destroy()
              },
            }
          })
        })
      }

      it(`says that one of redis ${version} is not connected, also to a walk`, async () => {
        const client = fromNodeRedis(create({ rootNodes: rootNodes() }))
        expect(await failureOf(client.send([['GET', 'the-sid']]))).to.include({ code: 'ENOTCONN' })
        expect(await failureOf(client.nodes?.() as Promise<unknown>)).to.include({
          code: 'ENOTCONN',
        })
      })
    }
  })

  describe('over a sentinel', () => {
    let servers: Awaited<ReturnType<typeof startSentinel>>
    before(async () => {
      servers = await startSentinel()
    })
    after(() => servers.stop())

    for (const [version, create] of [
      ['6', createSentinel],
      ['5', redis5.createSentinel as unknown as typeof createSentinel],
    ] as const) {
      for (const prefix of version === '6' ? ['', keyPrefix] : ['']) {
        describe(`of redis ${version}${prefix && ' with keyPrefix'}`, () => {
          wrapsWell(async () => {
            const sentinel = create({
              name: servers.name,
              sentinelRootNodes: servers.nodes,
              commandOptions: { typeMapping: UNUSUAL },
              ...(prefix && { keyPrefix: prefix }),
            })
            await sentinel.connect()
            const direct = await nodeRedisKind.connect(servers.master.url)
            const wrapped = wrapping(sentinel, prefix, direct.client)
            return {
              ...wrapped,
              close() {
                wrapped.close()
                direct.close()
              },
            }
          })
        })
      }
    }
  })

  describe('refuses', () => {
    const given = (client: unknown) => () => fromNodeRedis(client as never)

    it('what is no client', () => {
      for (const nothing of [undefined, null, 'redis://', {}, createClient]) {
        expect(given(nothing)).to.throw(TypeError, 'sentinel of node-redis 5 or later, got')
      }
    })

    it('a client that is not awaited', async () => {
      const client = createClient({ url: redisUrl() })
      const connecting = client.connect()
      expect(given(connecting)).to.throw(TypeError, 'got a promise: write await')
      await connecting
      client.destroy()
    })

    it('the legacy() of a client', () => {
      expect(given(createClient().legacy())).to.throw(TypeError, 'give the client itself')
    })

    it('a client in legacyMode, by the option that redis 4 keeps', () => {
      const client = { options: { legacyMode: true }, sendCommand: () => {}, connect: () => {} }
      expect(given(client)).to.throw(TypeError, 'leave legacyMode out')
    })

    it('a client of redis 3, by the methods that it has', () => {
      const client = { internal_send_command: () => {}, sendCommand: () => {} }
      expect(given(client)).to.throw(TypeError, 'install redis 5 or later')
    })

    it('a client of ioredis, which has a wrapper of its own', () => {
      const client = new Redis({ lazyConnect: true })
      expect(given(client)).to.throw(TypeError, 'write fromIoredis(client)')
    })

    it('what needs no wrapper', () => {
      expect(given(plain.client)).to.throw(TypeError, 'new SolidisStore({ client })')
    })
  })

  describe('gives a failure a code', () => {
    const command = ['BLPOP', 'the-sid', '0']

    for (const [version, create] of [
      ['6', createClient],
      ['5', redis5.createClient as unknown as typeof createClient],
    ] as const) {
      const connect = async (options: Parameters<typeof create>[0] = {}) => {
        const client = create({ url: redisUrl(), ...options })
        client.on('error', () => {})
        await client.connect()
        return client
      }

      it(`ENOTCONN before a client of redis ${version} connects`, async () => {
        const error = await failureOf(fromNodeRedis(create()).send([command]))
        expect(error).to.include({ code: 'ENOTCONN', message: 'The client is closed' })
        expect(error.cause).to.be.instanceOf(Error)
      })

      it(`ECONNRESET when a client of redis ${version} is destroyed`, async () => {
        const client = await connect()
        const failure = failureOf(fromNodeRedis(client).send([command]))
        client.destroy()
        expect(await failure).to.include({ code: 'ECONNRESET' })
      })

      it(`for a connection of redis ${version} that is lost`, async () => {
        const relay = new Relay()
        await relay.open()
        const client = await connect({ url: relay.url, disableOfflineQueue: true })
        const wrapped = fromNodeRedis(client)
        const inFlight = failureOf(wrapped.send([command]))
        await one(plain.client, 'PING')
        await relay.close()
        expect(await inFlight).to.include({ code: 'ECONNRESET' })
        expect(await failureOf(wrapped.send([command]))).to.include({ code: 'ENOTCONN' })
        client.destroy()
      })

      it(`ETIMEDOUT, and says so, when redis ${version} does not get to send`, async () => {
        const relay = new Relay()
        await relay.open()
        const client = await connect({ url: relay.url, commandOptions: { timeout: 20 } })
        await relay.close()
        await eventually(async () => !client.isReady)
        const error = await failureOf(fromNodeRedis(client).send([command]))
        expect(error).to.include({ code: 'ETIMEDOUT' })
        expect(error.message).to.match(/in time/)
        client.destroy()
      })

      it(`ENOBUFS when the queue of redis ${version} is full`, async () => {
        const client = await connect({ commandsQueueMaxLength: 20 })
        const wrapped = fromNodeRedis(client)
        const fill = Array.from({ length: 20 }, () => failureOf(wrapped.send([command])))
        expect(await failureOf(wrapped.send([command]))).to.include({ code: 'ENOBUFS' })
        client.destroy()
        await Promise.all(fill)
      })

      it(`that of the socket's error when redis ${version} gives up`, async () => {
        const relay = new Relay()
        await relay.open()
        await relay.close()
        const client = create({ url: relay.url, socket: { reconnectStrategy: false } })
        client.on('error', () => {})
        const connecting = client.connect().catch(() => {})
        const error = await failureOf(fromNodeRedis(client).send([command]))
        expect(error).to.include({ code: 'ECONNREFUSED' })
        expect(error.message).to.match(/connect ECONNREFUSED/)
        await connecting
      })
    }

    it('the code that a cause has, where the failure has none', async () => {
      const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
      for (const error of [
        new AggregateError([refused], ''),
        Object.assign(new Error('gave up'), { socketError: refused }),
        new Error('gave up', { cause: refused }),
      ]) {
        const client = fromNodeRedis({ sendCommand: () => Promise.reject(error) })
        expect(await failureOf(client.send([command]))).to.include({
          code: 'ECONNREFUSED',
          cause: error,
        })
      }
    })

    it('none to an error reply, though it be of another realm', async () => {
      const client = fromNodeRedis({ sendCommand: () => Promise.reject({ message: 'OOM full' }) })
      const [[reply]] = (await client.send([command])) as [[Error]]
      expect(reply).to.be.instanceOf(Error).with.property('message', 'OOM full')
    })

    it('EIO to what it does not know', async () => {
      const client = fromNodeRedis({ sendCommand: () => Promise.reject('closed') })
      expect(await failureOf(client.send([command]))).to.include({ code: 'EIO', message: 'closed' })
    })

    it('also to what is thrown', async () => {
      const client = fromNodeRedis({
        sendCommand() {
          throw new Error('The client is closed')
        },
      })
      expect(await failureOf(client.send([command]))).to.include({ code: 'ENOTCONN' })
    })
  })
})
