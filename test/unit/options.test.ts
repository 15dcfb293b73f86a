import { expect } from 'chai'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster } from 'redis'
import {
  fromIoredis,
  fromNodeRedis,
  SolidisStore,
  type SolidisStoreOptions,
} from '../../lib/index.ts'
import { stubClient } from '../support/stub.ts'

const client = stubClient()

/** As a program in JavaScript would call it. */
function create(options: unknown): SolidisStore {
  return new SolidisStore(options as SolidisStoreOptions)
}

describe('options', () => {
  const defaults = {
    prefix: 'sess:',
    ttl: 86400,
    disableTTL: false,
    disableTouch: false,
    touchAfter: 0,
    scanCount: 1000,
    serializer: JSON,
    onConflict: 'merge',
    timeout: 5000,
  }

  it('have defaults, which are readable', () => {
    expect(create({ client })).to.include({ client, ...defaults })
  })

  it('count as not given where they are null or undefined', () => {
    const names = Object.keys(defaults)
    for (const nothing of [null, undefined]) {
      const options = Object.fromEntries(names.map((name) => [name, nothing]))
      expect(create({ client, ...options })).to.include(defaults)
    }
  })

  it('are readable as they were given', () => {
    const given = {
      client,
      prefix: '',
      ttl: () => 60,
      disableTTL: true,
      disableTouch: true,
      touchAfter: 0.5,
      scanCount: 1,
      serializer: { parse: JSON.parse, stringify: JSON.stringify },
      onConflict: () => ({}),
      timeout: 0,
    }
    expect(create(given)).to.include(given)
  })

  const bad: [name: string, value: unknown, given: string][] = [
    ['client', undefined, 'undefined'],
    ['client', null, 'null'],
    ['client', 'redis://:hunter2@host', 'a string'],
    ['client', {}, 'an object'],
    ['client', { send: true }, 'an object'],
    ['client', () => {}, 'a function'],
    ['prefix', 5, '5'],
    ['prefix', ['sess:'], 'an array'],
    ['prefix', 'hunter2\ud800:', 'a string'],
    ['ttl', 0, '0'],
    ['ttl', -1, '-1'],
    ['ttl', Number.NaN, 'NaN'],
    ['ttl', Number.POSITIVE_INFINITY, 'Infinity'],
    ['ttl', 'hunter2', 'a string'],
    ['ttl', '', 'an empty string'],
    ['ttl', 9.2e15, '9200000000000000'],
    ['ttl', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['ttl', new Date(), 'a Date'],
    ['ttl', new Date(Number.NaN), 'an invalid Date'],
    ['ttl', 60n, '60'],
    ['ttl', Symbol('s'), 'Symbol(s)'],
    ['disableTTL', 1, '1'],
    ['disableTTL', 'false', 'a string'],
    ['disableTouch', 'hunter2', 'a string'],
    ['disableTouch', 0, '0'],
    ['touchAfter', -1, '-1'],
    ['touchAfter', Number.NaN, 'NaN'],
    ['touchAfter', Number.POSITIVE_INFINITY, 'Infinity'],
    ['touchAfter', '60', 'a string'],
    ['scanCount', 0, '0'],
    ['scanCount', -10, '-10'],
    ['scanCount', 1.5, '1.5'],
    ['scanCount', Number.NaN, 'NaN'],
    ['scanCount', '100', 'a string'],
    ['serializer', 'json', 'a string'],
    ['serializer', {}, 'an object'],
    ['serializer', { parse: JSON.parse }, 'an object'],
    ['serializer', { stringify: JSON.stringify }, 'an object'],
    ['serializer', () => {}, 'a function'],
    ['onConflict', 'hunter2', 'a string'],
    ['onConflict', true, 'true'],
    ['onConflict', {}, 'an object'],
    ['timeout', -1, '-1'],
    ['timeout', Number.NaN, 'NaN'],
    ['timeout', Number.POSITIVE_INFINITY, 'Infinity'],
    ['timeout', 2 ** 31, '2147483648'],
    ['timeout', '5000', 'a string'],
  ]
  for (const [name, value, given] of bad) {
    it(`refuse ${name}: ${given}`, () => {
      expect(() => create({ client, [name]: value }))
        .to.throw(TypeError)
        .with.property('message')
        .that.satisfies((message: string) => {
          return (
            message.startsWith(`${name}: expected `) &&
            message.endsWith(`, got ${given}`) &&
            !message.includes('hunter2')
          )
        })
    })
  }

  it('are refused with a code', () => {
    expect(() => create({ client, ttl: 'hunter2' }))
      .to.throw(TypeError)
      .with.property('code', 'ERR_INVALID_ARG_TYPE')
  })

  const unknown: [name: string, hint: RegExp][] = [
    ['url', /make a client with it, and give that as client$/],
    ['host', /make a client with it/],
    ['pass', /make a client with it/],
    ['logErrors', /listen to the 'error' events of the client$/],
    ['disableTtl', /write disableTTL$/],
    ['keyPrefix', /write prefix$/],
    ['ttL', /the options are client, prefix, ttl, /],
    ['toString', /the options are client, /],
    ['__proto__', /the options are client, /],
  ]
  for (const [name, hint] of unknown) {
    it(`are refused where there is no such one: ${name}`, () => {
      const options = JSON.parse(`{"${name}": "redis://:hunter2@host"}`)
      expect(() => create(Object.defineProperty(options, 'client', { value: client })))
        .to.throw(TypeError, new RegExp(`^options\\.${name}: there is no such option; `))
        .and.satisfy(({ message, code }: Error & { code: string }) => {
          expect(message).to.match(hint).and.not.include('hunter2')
          return code === 'ERR_INVALID_ARG_VALUE'
        })
    })
  }

  it('take the longest time that a timer can wait', () => {
    expect(create({ client, timeout: 2 ** 31 - 1 }).timeout).to.equal(2 ** 31 - 1)
  })

  for (const [given, options] of [
    ['undefined', undefined],
    ['null', null],
    ['a string', 'redis://:hunter2@host'],
    ['a function', () => {}],
  ]) {
    it(`refuse ${given} in their place`, () => {
      expect(() => create(options)).to.throw(
        TypeError,
        `options: expected an object with a client, got ${given}`,
      )
    })
  }
})

describe('clients of other packages', () => {
  const nodes = [{ host: '127.0.0.1', port: 1 }]
  const bare: [string, wrapper: string, make: () => object][] = [
    ['a client of node-redis', 'fromNodeRedis', () => createClient()],
    ['a pool of node-redis', 'fromNodeRedis', () => createClientPool()],
    ['a cluster of node-redis', 'fromNodeRedis', () => createCluster({ rootNodes: [{}] })],
    ['a client of ioredis', 'fromIoredis', () => new Redis({ lazyConnect: true })],
    ['a cluster of ioredis', 'fromIoredis', () => new Cluster(nodes, { lazyConnect: true })],
  ]
  for (const [name, wrapper, make] of bare) {
    it(`are refused bare, with the wrapper to use: ${name}`, () => {
      expect(() => create({ client: make() })).to.throw(
        TypeError,
        new RegExp(`^client: expected ${wrapper}\\(client\\), got .* client`),
      )
    })

    it(`are taken wrapped: ${name}`, () => {
      const wrap = (wrapper === 'fromIoredis' ? fromIoredis : fromNodeRedis) as typeof fromIoredis
      const wrapped = wrap(make() as Redis)
      expect(create({ client: wrapped }).client).to.equal(wrapped)
    })
  }
})
