import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import sinon from 'sinon'
import { type Command, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { GET_MANY, keyIndexOf } from '../../lib/redis/commands.ts'
import { Codec } from '../../lib/session/payload.ts'
import { Sealing, type SealingOptions } from '../../lib/session/sealing.ts'
import { RedisModel } from '../simulation/redis-model.ts'
import { type Data, data } from '../support/requests.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 2000)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const MS_PER_RUN = 20

const encryption = { secrets: ['a secret of no less than 32 bytes'] }
const compression = { algorithm: 'brotli', minSize: 20 } as const

const sealingOptions = (prefix: string, isCompressed = false): SealingOptions => ({
  prefix,
  encryption,
  compression: isCompressed ? compression : undefined,
  maxPayload: 2 ** 20,
})

/** A client over a model of Redis, that notes what it was asked. */
function modelClient(model: RedisModel) {
  const sent: string[][] = []
  const client: SolidisLike = {
    async send(commands) {
      sent.push(...commands.map((command) => command.map(String)))
      return commands.map((command) => [model.execute(command)])
    },
  }
  return { client, sent }
}

/** All keys that a command names. */
function keysOf(command: string[]): string[] {
  const [name, which] = command
  if (name === 'UNLINK') return command.slice(1)
  if (which === GET_MANY.sha1 || which === GET_MANY.source) {
    return command.slice(3, 3 + Number(command[2]))
  }
  const key = command[keyIndexOf(command)]
  return key === undefined ? [] : [key]
}

/** What no payload, and no reply, may have changed. */
function expectNoPollution(...objects: unknown[]): void {
  expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(PROTOTYPE)
  expect(({} as Data).polluted).to.equal(undefined)
  for (const object of objects) {
    if (typeof object !== 'object' || object === null) continue
    expect(Object.getPrototypeOf(object)).to.equal(Object.prototype)
    const inherited = Object.hasOwn(object, 'polluted') ? undefined : (object as Data).polluted
    expect(inherited).to.equal(undefined)
  }
}

const PROTOTYPE = Object.getOwnPropertyNames(Object.prototype)

/** What a promise gives; `undefined` if it fails, which it may only do by an error. */
async function outcomeOf<T>(call: () => Promise<T> | undefined): Promise<T | undefined> {
  // A throw that is not in the promise fails the test.
  const promise = call()
  try {
    return await promise
  } catch (error) {
    expect(error).to.be.instanceOf(Error)
    return undefined
  }
}

const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'toJSON', 'then', 'catch'],
  ...['cookie', 'expires', 'originalMaxAge', 'maxAge', 'path', 'data', '$solidis', 'id', 'save'],
  ...['a', '', 'length', '0'],
]

/** Text of JSON, of which no object is made on the way: it would lose what is hostile. */
const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('null', 'true', '0', '-1', '1e400', '""', '"x"', '[]', '{}'),
    fc.constantFrom('"2030-01-01"', '"polluted"', '8640000000000001', '[{}]'),
    tie('object'),
    fc.array(tie('json'), { maxLength: 2 }).map((items) => `[${items}]`),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...NAMES, 'polluted'), tie('json')), { maxLength: 4 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`)}}`),
}))

const sessionText = fc
  .tuple(
    fc.oneof(json, fc.constant('{"originalMaxAge":60000,"expires":"2030-01-01"}')),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), json), { maxLength: 3 }),
  )
  .map(([cookie, members]) => {
    const rest = members.map(([name, value]) => `,${JSON.stringify(name)}:${value}`)
    return `{"cookie":${cookie}${rest.join('')}}`
  })

const text = fc.oneof(sessionText, json, fc.string({ unit: 'binary' }))

/** What has been done to an envelope. */
type Harm = (payload: string, other: string) => string

const bytesOf = (payload: string) => Buffer.from(payload.slice(1), 'base64url')
const payloadOf = (bytes: Buffer) => `$${bytes.toString('base64url')}`

const harm = fc.oneof<fc.Arbitrary<Harm>[]>(
  fc.tuple(fc.nat(), fc.nat(7)).map(
    ([at, bit]): Harm =>
      (payload) => {
        const bytes = bytesOf(payload)
        const i = at % bytes.length
        bytes[i] = (bytes[i] as number) ^ (1 << bit)
        return payloadOf(bytes)
      },
  ),
  fc.nat().map(
    (at): Harm =>
      (payload) =>
        payload.slice(0, at % payload.length),
  ),
  fc.nat().map(
    (at): Harm =>
      (payload) =>
        payload.slice(1 + (at % (payload.length - 1))),
  ),
  fc.tuple(fc.nat(), fc.constantFrom('=', '+', '/', '\n', ' ', '\0', 'A', '$')).map(
    ([at, letter]): Harm =>
      (payload) =>
        payload.slice(0, at % payload.length) + letter + payload.slice(at % payload.length),
  ),
  fc.nat().map(
    (at): Harm =>
      (payload, other) => {
        const [bytes, others] = [bytesOf(payload), bytesOf(other)]
        const i = at % bytes.length
        return payloadOf(Buffer.concat([bytes.subarray(0, i), others.subarray(i)]))
      },
  ),
  fc.constant<Harm>((_payload, other) => other),
  fc.uint8Array({ maxLength: 60 }).map(
    (bytes): Harm =>
      () =>
        payloadOf(Buffer.from(bytes)),
  ),
  fc.tuple(fc.constantFrom(1, 2), fc.nat(3), fc.uint8Array({ maxLength: 60 })).map(
    ([kind, codec, bytes]): Harm =>
      () =>
        payloadOf(Buffer.from([kind, codec, ...bytes])),
  ),
)

/** Does to the session under an id all that a store can do. Gives what `get` gave first. */
async function useAll(store: SolidisStore, sid: string): Promise<unknown> {
  const first = await store.get(sid)
  const second = (await store.get(sid)) as Data | null
  expectNoPollution(first, second)
  for (const session of await store.all()) expectNoPollution(session)
  for await (const [, session] of store) expectNoPollution(session)
  const change = (session: SessionData) => void Object.assign(session, { changed: true })
  expectNoPollution(await outcomeOf(() => store.update(sid, change)))
  const [one, other] = [await store.get(sid), await store.get(sid)]
  for (const [name, loaded] of Object.entries({ one, other })) {
    if (loaded !== null) await outcomeOf(() => store.set(sid, Object.assign(loaded, { [name]: 1 })))
  }
  if (second !== null) {
    const callsBack = new Promise((done) => {
      store.touch(sid, second, done)
    })
    await callsBack
    await outcomeOf(() => store.set(sid, Object.assign(second, { ours: true })))
    expectNoPollution(second, await outcomeOf(() => store.get(sid)))
    try {
      const req = { sessionID: sid, sessionStore: store }
      store.createSession(req as never, second)
    } catch {
      // express-session takes not every cookie.
    }
    expectNoPollution()
  }
  await store.length()
  await store.ids()
  return first
}

describe(`hostile data (${RUNS} runs, seed ${SEED})`, function () {
  this.timeout(30_000 + RUNS * MS_PER_RUN)
  const options = { numRuns: Math.ceil(RUNS / 4), seed: SEED }

  // Each store warns once.
  before(() => sinon.stub(process, 'emitWarning'))
  after(() => sinon.restore())

  it('in payloads that are not encrypted is a session or none', async () => {
    const property = fc.asyncProperty(text, async (payload) => {
      const model = new RedisModel(Date.now)
      model.execute(['SET', 'sess:sid', payload])
      const { client } = modelClient(model)
      const store = new SolidisStore({ client, timeout: 0 })
      const session = (await useAll(store, 'sid')) as Data | null
      if (session !== null) expect(typeof session.cookie).to.equal('object')
      expect(store.state).to.equal('closed')
    })
    await fc.assert(property, options)
  })

  it('in envelopes never opens, and what is sealed is a session or none', async () => {
    const scenario = fc.record({
      text,
      harm: fc.option(harm, { freq: 8 }),
      isOfOther: fc.boolean(),
      isCompressed: fc.boolean(),
      isPlain: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
      acceptPlain: fc.constantFrom(true, false, undefined),
    })
    const property = fc.asyncProperty(
      scenario,
      async ({ text, harm, isOfOther, isCompressed, isPlain, acceptPlain }) => {
        const model = new RedisModel(Date.now)
        const sealing = new Sealing(sealingOptions('sess:', isCompressed))
        const [payload, other] = [sealing.seal('sid', text), sealing.seal('other', text)]
        const again = isOfOther ? other : sealing.seal('sid', '{}')
        const harmed = harm === null ? payload : harm(payload, again)
        const compressed = new Sealing({ ...sealingOptions('sess:', true), encryption: undefined })
        const held = isPlain ? compressed.seal('sid', text) : harmed
        const isWhole = isPlain || held === payload || (held === again && !isOfOther)
        const isIntact = isWhole && (!isPlain || acceptPlain === true)
        model.execute(['SET', 'sess:sid', held])
        const { client } = modelClient(model)
        const store = new SolidisStore({
          client,
          timeout: 0,
          encryption: { ...encryption, acceptPlain },
        })
        const told: unknown[] = []
        store.on('invalid', ({ error }) => told.push(error.code))
        const session = await useAll(store, 'sid')
        await outcomeOf(() => store.reencrypt())
        if (!isIntact) {
          expect(session).to.equal(null)
          expect(told[0]).to.be.oneOf([
            'EDECRYPT',
            'ESECRET',
            'EPLAIN',
            'ECODEC',
            'EINVALIDSESSION',
          ])
        } else if (session === null)
          expect(told[0]).to.be.oneOf(['EINVALIDSESSION', 'EDECRYPT', 'ECODEC'])
        else expect(typeof (session as Data).cookie).to.equal('object')
        expect(store.state).to.equal('closed')
      },
    )
    await fc.assert(property, options)
  })

  it('in ids and prefixes names no key outside the prefix, and gives nobody the session of another', async () => {
    const strange = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({
        unit: fc.constantFrom('*', '?', '[', ']', '\\', '^', '-', 'a', ':'),
        maxLength: 4,
      }),
      fc.string({ unit: fc.constantFrom('a', 'b', ':', '\0', '\r\n', '\ud800'), maxLength: 4 }),
    )
    const scenario = fc.record({
      prefixes: fc.tuple(strange, strange),
      sids: fc.tuple(strange, strange),
      hashKeys: fc.boolean(),
      isEncrypted: fc.boolean(),
    })
    const property = fc.asyncProperty(
      scenario,
      async ({ prefixes, sids, hashKeys, isEncrypted }) => {
        const model = new RedisModel(Date.now)
        model.execute(['SET', 'neighbour', 'of another app'])
        const options = { hashKeys, ...(isEncrypted && { encryption }), timeout: 0 }
        const stores = prefixes.map((prefix) => {
          const { client, sent } = modelClient(model)
          if (!isWellFormed(prefix)) {
            expect(() => new SolidisStore({ client, prefix, ...options })).to.throw(TypeError)
            return undefined
          }
          return { store: new SolidisStore({ client, prefix, ...options }), sent, prefix }
        })
        for (const one of stores) {
          if (one === undefined) continue
          for (const sid of sids) {
            const of = JSON.stringify([one.prefix, sid])
            const isWritten = await outcomeOf(() =>
              one.store.set(sid, data({ of })).then(() => true),
            )
            expect(isWritten === true).to.equal(isWellFormed(sid))
            if (isWritten) expect(await one.store.get(sid)).to.include({ of })
            else expect(await outcomeOf(() => one.store.get(sid))).to.equal(undefined)
          }
        }
        for (const one of stores) {
          if (one === undefined) continue
          for (const sid of sids.filter(isWellFormed)) {
            const session = (await one.store.get(sid)) as Data | null
            // The other store may have the same key, for another id.
            if (session !== null && (isEncrypted || prefixes[0] === prefixes[1])) {
              const ofs = [prefixes[0], prefixes[1]].map((prefix) => JSON.stringify([prefix, sid]))
              expect(ofs).to.include(session.of)
            } else if (session !== null) expect(JSON.parse(String(session.of))[1]).to.equal(sid)
          }
          const isOurs = (key: string) => key.startsWith(one.prefix)
          const names = model
            .keys()
            .filter(isOurs)
            .map((key) => key.slice(one.prefix.length))
          expect((await one.store.ids()).sort()).to.deep.equal(names.sort())
          const others = model.keys().filter((key) => !isOurs(key))
          await one.store.all()
          await one.store.clear()
          expect(model.keys().sort()).to.deep.equal(others.sort())
          const keys = one.sent.flatMap(keysOf)
          expect(keys.filter((key) => !isOurs(key))).to.deep.equal([])
        }
      },
    )
    await fc.assert(property, options)
  })

  it('in replies makes no call throw, hang, or give the session of another', async () => {
    const codec = new Codec({
      ...{ serializer: JSON, requireTag: false, prefix: 'sess:', maxPayload: 2 ** 20 },
      ...{ encryption: undefined, compression: undefined },
    })
    const plainOfOther = String(codec.encode('other', data({ of: 'other' })))
    const sealed = new Sealing(sealingOptions('sess:'))
    const sealedOfOther = sealed.seal('other', plainOfOther)
    const reply = fc.letrec<{ reply: unknown }>((tie) => ({
      reply: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, undefined, 0, 1, -1, -2, 1.5, Number.NaN, 10n, true, ''),
        fc.constantFrom('OK', 'NOSCRIPT', plainOfOther, sealedOfOther, '0'),
        fc.constantFrom(Buffer.from(plainOfOther), Buffer.from(sealedOfOther), Buffer.alloc(0)),
        fc.constantFrom(...['NOSCRIPT No', 'WRONGTYPE x', 'ERR a', 'MOVED 1 a', ''].map(errorOf)),
        fc.integer(),
        text,
        json.map((text) => JSON.parse(text) as unknown),
        fc.array(tie('reply'), { maxLength: 4 }),
      ),
    })).reply
    const answer = fc.oneof(
      { weight: 8, arbitrary: fc.record({ how: fc.constant('reply' as const), reply }) },
      { weight: 4, arbitrary: fc.record({ how: fc.constant('echo' as const), reply }) },
      {
        weight: 1,
        arbitrary: fc.record({ how: fc.constantFrom('reject', 'throw', 'raw'), reply }),
      },
    )
    const scenario = fc.record({
      answers: fc.array(answer, { minLength: 1, maxLength: 6 }),
      pipelines: fc.boolean(),
      hashKeys: fc.boolean(),
      isEncrypted: fc.boolean(),
      isCalledBack: fc.boolean(),
    })
    const property = fc.asyncProperty(
      scenario,
      async ({ answers, pipelines, hashKeys, isEncrypted, isCalledBack }) => {
        let asked = 0
        const client: SolidisLike = {
          pipelines,
          send(commands) {
            // A server that goes on for ever is another matter.
            if (asked > 30) return Promise.reject(new Error('down'))
            const { how, reply } = answers[asked++ % answers.length] as (typeof answers)[number]
            if (how === 'throw') throw reply
            if (how === 'reject') return Promise.reject(reply)
            if (how === 'raw') return Promise.resolve(reply as unknown[][])
            const nonceOf = (command: Command) => {
              const isLast = command[1] === GET_MANY.sha1 || command[1] === GET_MANY.source
              return isLast ? command.at(-1) : command[4]
            }
            const echoing = (command: Command) => {
              if (command[0] === 'SCAN') return ['0', Array.isArray(reply) ? reply.map(String) : []]
              return [nonceOf(command), reply, 1000]
            }
            return Promise.resolve(
              commands.map((command) => [how === 'echo' ? echoing(command) : reply]),
            )
          },
        }
        const store = new SolidisStore({
          ...{ client, hashKeys, breaker: false, timeout: 100 },
          ...(isEncrypted && { encryption }),
        })
        const loaded = (await outcomeOf(() => store.get('sid'))) as Data | undefined
        expect(loaded?.of).not.to.equal('other')
        const session = loaded ?? data()
        const calls: [name: keyof SolidisStore, ...args: unknown[]][] = [
          ['get', 'sid'],
          ['set', 'sid', session],
          ['touch', 'sid', session],
          ['update', 'sid', () => {}],
          ['exists', 'sid'],
          ['destroy', 'sid'],
          ...(['all', 'length', 'ids', 'clear'] as const).map((name): [typeof name] => [name]),
        ]
        if (isEncrypted) calls.push(['reencrypt'])
        for (const [name, ...args] of calls) {
          const call = (...callback: unknown[]) =>
            (store[name] as (...given: unknown[]) => Promise<unknown>).call(
              store,
              ...args,
              ...callback,
            )
          const result = isCalledBack
            ? await new Promise((done) => {
                let times = 0
                call((error: unknown, result: unknown) => {
                  expect(++times, 'calls back').to.equal(1)
                  if (error !== null) expect(error).to.be.instanceOf(Error)
                  done(result)
                })
              })
            : await outcomeOf(() => call())
          expect((Object(result) as Data).of).not.to.equal('other')
          expectNoPollution()
          await turn()
        }
      },
    )
    await fc.assert(property, options)
  })
})

function errorOf(message: string): Error {
  return new Error(message)
}

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
