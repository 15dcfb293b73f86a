import { expect } from 'chai'
import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis5'
import { createClient } from 'redis'
import sinon from 'sinon'
import { fromIoredis } from '../../lib/index.ts'
import { nodeRedisKind, type TestClient } from '../support/clients.ts'
import { startCluster } from '../support/cluster.ts'
import { redisUrl } from '../support/redis.ts'
import { Relay } from '../support/relay.ts'
import { startSentinel } from '../support/sentinel.ts'
import { failureOf, one, reconnectsWell, wrapsWell } from '../support/wrapped.ts'

const keyPrefix = 'app[1]*:'
/** What users set that changes what is sent, or what comes back. */
const SETTINGS = [
  {},
  { keyPrefix },
  { stringNumbers: true },
  { enableAutoPipelining: true },
  { enableAutoPipelining: true, stringNumbers: true, keyPrefix },
  { showFriendlyErrorStack: true },
]

const VERSIONS = [
  ['6', ioredis6],
  // Its types are those of another package, but for what is used here the same.
  ['5', ioredis5 as unknown as typeof ioredis6],
] as const

describe('fromIoredis', () => {
  let plain: TestClient
  before(async () => {
    plain = await nodeRedisKind.connect()
  })
  after(() => plain.close())

  for (const [version, { Redis }] of VERSIONS) {
    const protocols = version === '6' ? [{ protocol: 2 as const }, { protocol: 3 as const }] : [{}]
    for (const protocol of protocols) {
      for (const settings of SETTINGS) {
        describe(`over ioredis ${version} ${JSON.stringify({ ...protocol, ...settings })}`, () => {
          wrapsWell(async () => {
            const client = new Redis(redisUrl(), { ...protocol, ...settings })
            return {
              client: fromIoredis(client),
              plain: plain.client,
              keyPrefix: settings.keyPrefix ?? '',
              close: () => client.disconnect(),
            }
          })
        })
      }
    }
  }

  for (const [version, { Redis }] of VERSIONS) {
    it(`lets the commands of one turn leave in one write (ioredis ${version})`, async () => {
      const client = new Redis(redisUrl())
      try {
        const solidisLike = fromIoredis(client)
        await client.ping()
        const writes = sinon.spy(client.stream, '_writev' as never)
        const echoes = await Promise.all(
          ['1', '2', '3'].map((text) => solidisLike.send([['ECHO', text]])),
        )
        expect(echoes.flat(2).map(String)).to.deep.equal(['1', '2', '3'])
        expect(writes.callCount).to.equal(1)
      } finally {
        client.disconnect()
      }
    })
  }

  describe('over a cluster', () => {
    let servers: Awaited<ReturnType<typeof startCluster>>
    before(async () => {
      servers = await startCluster()
    })
    after(() => servers.stop())

    const nodes = () => servers.ports.map((port) => ({ host: '127.0.0.1', port }))

    for (const [version, { Cluster }] of VERSIONS) {
      for (const settings of SETTINGS) {
        for (const options of [settings, { redisOptions: settings }]) {
          describe(`of ioredis ${version} ${JSON.stringify(options)}`, () => {
            wrapsWell(async () => {
              const cluster = new Cluster(nodes(), options)
              const plainly = new Cluster(nodes())
              return {
                client: fromIoredis(cluster),
                plain: fromIoredis(plainly),
                keyPrefix: settings.keyPrefix ?? '',
                close() {
                  cluster.disconnect()
                  plainly.disconnect()
                },
              }
            })
          })
        }
      }

      it(`walks the nodes of one of ioredis ${version} that has only just been made`, async () => {
        const cluster = new Cluster(nodes(), { lazyConnect: true })
        expect(cluster.nodes('master')).to.have.length(0)
        expect(await fromIoredis(cluster).nodes?.()).to.have.length(2)
        cluster.disconnect()
      })

      it(`fails to walk one of ioredis ${version} that is not there`, async () => {
        const cluster = new Cluster(nodes(), { lazyConnect: true, enableOfflineQueue: false })
        expect(await failureOf(fromIoredis(cluster).nodes?.() as Promise<unknown>)).to.include({
          code: 'ENOTCONN',
        })
        cluster.disconnect()
      })

      it(`of ioredis ${version} is refused if it reads from replicas, which may lag`, () => {
        const cluster = new Cluster(nodes(), { lazyConnect: true, scaleReads: 'slave' })
        expect(() => fromIoredis(cluster)).to.throw(TypeError, 'scaleReads')
      })
    }
  })

  describe('by way of a sentinel', () => {
    let servers: Awaited<ReturnType<typeof startSentinel>>
    before(async () => {
      servers = await startSentinel()
    })
    after(() => servers.stop())

    for (const [version, { Redis }] of VERSIONS) {
      describe(`over ioredis ${version} with keyPrefix`, () => {
        wrapsWell(async () => {
          const client = new Redis({ sentinels: servers.nodes, name: servers.name, keyPrefix })
          const direct = await nodeRedisKind.connect(servers.master.url)
          return {
            client: fromIoredis(client),
            plain: direct.client,
            keyPrefix,
            close() {
              client.disconnect()
              direct.close()
            },
          }
        })
      })

      it(`of ioredis ${version}, connects anew to learn of another master, but not all the time`, async () => {
        const client = new Redis({ sentinels: servers.nodes, name: servers.name })
        try {
          await client.ping()
          const { stream } = client
          const { rediscover } = fromIoredis(client)
          const before = performance.now()
          rediscover?.()
          expect(stream.destroyed).to.equal(true)
          await client.ping()
          const second = client.stream
          expect(second).not.to.equal(stream)
          for (let i = 0; i < 10; i++) rediscover?.()
          if (performance.now() - before < 1000) expect(second.destroyed).to.equal(false)
        } finally {
          client.disconnect()
        }
      })
    }
  })

  it('leaves it to the breaker to give up a connection where there is no sentinel', () => {
    const client = new ioredis6.Redis({ lazyConnect: true })
    expect(fromIoredis(client).rediscover).to.equal(undefined)
    client.disconnect()
  })

  for (const [version, { Redis }] of VERSIONS) {
    describe(`gives a failure of ioredis ${version} a code`, () => {
      const command = ['BLPOP', 'the-sid', '0']

      async function connect(
        url: string,
        options: { commandTimeout?: number; enableOfflineQueue?: boolean } = {},
      ) {
        const client = new Redis(url, { ...options, maxRetriesPerRequest: 0, lazyConnect: true })
        client.on('error', () => {})
        await client.connect()
        return client
      }

      it('ETIMEDOUT after commandTimeout', async () => {
        const client = await connect(redisUrl(), { commandTimeout: 20 })
        const error = await failureOf(fromIoredis(client).send([command]))
        expect(error).to.include({ code: 'ETIMEDOUT', message: 'Command timed out' })
        client.disconnect()
      })

      it('ECONNRESET when the client is closed', async () => {
        const client = await connect(redisUrl())
        const failure = failureOf(fromIoredis(client).send([command]))
        client.disconnect()
        expect(await failure).to.include({ code: 'ECONNRESET', message: 'Connection is closed.' })
      })

      it('ECONNRESET when the connection is lost, ENOTCONN where nothing is sent', async () => {
        const relay = new Relay()
        await relay.open()
        const client = await connect(relay.url, { enableOfflineQueue: false })
        const inFlight = failureOf(fromIoredis(client).send([command]))
        await one(plain.client, 'PING')
        await relay.close()
        expect(await inFlight).to.include({ code: 'ECONNRESET' })
        const refused = failureOf(fromIoredis(client).send([command]))
        expect(await refused).to.include({ code: 'ENOTCONN' })
        client.disconnect()
      })
    })
  }

  for (const [version, { Redis }] of VERSIONS) {
    it(`drops a connection of ioredis ${version} that is dead, and counts the new one`, async () => {
      const relay = new Relay()
      await relay.open()
      const client = new Redis(relay.url)
      client.on('error', () => {})
      await reconnectsWell(fromIoredis(client), () => relay.strand())
      client.disconnect()
      await relay.close()
    })
  }

  it('hands on no command that an error carries, wherever it is', async () => {
    const spy = { name: 'get', args: ['the-sid', 'the-payload'] }
    const carrier = (message: string) => Object.assign(new Error(message), { command: spy })
    for (const [error, code] of [
      [carrier('Command aborted due to connection close'), 'ECONNRESET'],
      [
        Object.assign(new Error('Failed to refresh slots cache.'), {
          lastNodeError: carrier('WRONGPASS'),
        }),
        'ENOTCONN',
      ],
    ] as const) {
      const get = () => Promise.reject(error)
      const client = fromIoredis({ get, callBuffer: get, call: get, options: {} } as never)
      expect(await failureOf(client.send([['GET', 'the-sid']]))).to.include({ code, cause: error })
    }
  })

  describe('refuses', () => {
    const given = (client: unknown) => () => fromIoredis(client as never)

    it('what is no client', () => {
      for (const nothing of [undefined, null, 'redis://', {}, ioredis6.Redis]) {
        expect(given(nothing)).to.throw(TypeError, 'cluster of ioredis 5 or later, got')
      }
    })

    it('a promise', () => {
      expect(given(Promise.resolve())).to.throw(TypeError, 'got a promise: write await')
    })

    it('a client of node-redis, which has a wrapper of its own', () => {
      expect(given(createClient())).to.throw(TypeError, 'write fromNodeRedis(client)')
    })

    it('what needs no wrapper', () => {
      expect(given(plain.client)).to.throw(TypeError, 'new SolidisStore({ client })')
    })
  })
})
