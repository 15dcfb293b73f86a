import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { expect } from 'chai'
import type { Compression, InvalidSessionError } from '../../lib/index.ts'
import { SolidisStore } from '../../lib/index.ts'
import { Compressor, decompress, isAvailable } from '../../lib/session/compression.ts'
import { Sealing } from '../../lib/session/sealing.ts'
import { ask, type Data, data, open, save } from '../support/requests.ts'
import { stubClient } from '../support/stub.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

const encryption = { secrets: ['a secret of no less than 32 bytes'] }

/** Like what sessions have: words, again and again. */
const large = () =>
  data({ cart: Array.from({ length: 200 }, (_, i) => ({ item: i, name: 'book' })) })

const sealingOf = (compression: Compression | undefined, maxPayload = 2 ** 20) =>
  new Sealing({ prefix: '', encryption: undefined, compression, maxPayload })

/** With what is compressed stands in Redis, and by what. */
const codecOf = (payload: string) => {
  const [kind, codec] = Buffer.from(payload.slice(1), 'base64url')
  return payload.startsWith('$') ? [kind, codec] : undefined
}

const ALGORITHMS = [
  ['brotli', 1],
  ['zstd', 2],
] as const

for (const [algorithm, codec] of ALGORITHMS) {
  describe(`compression by ${algorithm}`, () => {
    if (!isAvailable(algorithm)) {
      it(`is not tested here, because Node ${process.version} has no ${algorithm}`)
      return
    }
    const { client, key, makeStore } = useStores()
    const raw = async () => String(await ask(client, 'GET', key()))
    const compression = { algorithm, minSize: 1000 }

    it('takes less in Redis, and gives back the same', async () => {
      const session = large()
      const store = makeStore({ compression, encryption: undefined })
      await store.set(SID, session)
      const payload = await raw()
      expect(codecOf(payload)).to.deep.equal([2, codec])
      expect(payload.length).to.be.below(JSON.stringify(session).length / 4)
      expect((await store.get(SID)) as Data).to.deep.include({ cart: session.cart })
    })

    it('is read by a store that does not compress, and written back as it is', async () => {
      await makeStore({ compression, encryption: undefined }).set(SID, large())
      const store = makeStore({ encryption: undefined })
      await save(Object.assign(await open(store, SID), { seen: true }))
      expect(JSON.parse(await raw())).to.deep.include({ seen: true, cart: large().cart })
    })

    it('goes before encryption, which says by what it was', async () => {
      const store = makeStore({ compression, encryption })
      await store.set(SID, large())
      const payload = await raw()
      expect(codecOf(payload)).to.deep.equal([1, codec])
      expect(payload.length).to.be.below(JSON.stringify(large()).length / 4)
      const other = makeStore({ encryption })
      expect((await other.get(SID)) as Data).to.deep.include({ cart: large().cart })
      await save(Object.assign(await open(other, SID), { seen: true }))
      expect(codecOf(await raw())).to.deep.equal([1, 0])
      expect((await store.get(SID)) as Data).to.deep.include({ seen: true, cart: large().cart })
    })

    it('leaves what is smaller than its minimum in bytes, and what gets no smaller', () => {
      const sealing = sealingOf({ algorithm, minSize: 100 })
      const text = (length: number) => 'x'.repeat(length)
      expect(sealing.seal(SID, text(99))).to.equal(text(99))
      expect(codecOf(sealing.seal(SID, text(100)))).to.deep.equal([2, codec])
      expect(sealing.seal(SID, 'ü'.repeat(49))).to.equal('ü'.repeat(49))
      expect(codecOf(sealing.seal(SID, 'ü'.repeat(50)))).to.deep.equal([2, codec])
      const noise = randomBytes(3000)
        .toString('latin1')
        .replace(/[^ -~]/g, '')
      expect(new Compressor({ algorithm, minSize: 0 }).compress('')).to.equal(undefined)
      const sealed = sealing.seal(SID, noise)
      expect(sealing.open(SID, sealed)).to.equal(noise)
    })

    it('begins at 4 KiB by default', () => {
      const sealing = sealingOf({ algorithm })
      expect(codecOf(sealing.seal(SID, 'x'.repeat(4095)))).to.equal(undefined)
      expect(codecOf(sealing.seal(SID, 'x'.repeat(4096)))).to.deep.equal([2, codec])
    })

    it('is bad data where it would fill the memory, with or without encryption', async () => {
      const zeros = '0'.repeat(65 * 2 ** 20)
      for (const options of [{ encryption: undefined }, { encryption }]) {
        const store = makeStore(options)
        const sealing = new Sealing({
          prefix: store.prefix,
          ...options,
          compression,
          maxPayload: Infinity,
        })
        await ask(client, 'SET', key(), sealing.seal(SID, zeros))
        const invalid = heard<{ error: InvalidSessionError }>(store, 'invalid')
        expect(await store.get(SID)).to.equal(null)
        expect(invalid.map(({ error }) => [error.code, error.message])).to.deep.equal([
          ['EINVALIDSESSION', 'The payload does not decompress'],
        ])
      }
    })

    for (const maxPayload of [66 * 2 ** 20, Infinity]) {
      it(`may be as large as maxPayload says: ${maxPayload}`, () => {
        const sealing = sealingOf({ algorithm }, maxPayload)
        const text = '0'.repeat(65 * 2 ** 20)
        expect(sealing.open(SID, sealing.seal(SID, text)) === text).to.equal(true)
      })
    }

    it('is bad data where it was cut or changed', async () => {
      const store = makeStore({ compression, encryption: undefined })
      await store.set(SID, large())
      const bytes = Buffer.from((await raw()).slice(1), 'base64url')
      for (const [code, changed] of [
        ['EINVALIDSESSION', bytes.subarray(0, 2)],
        ['EINVALIDSESSION', bytes.subarray(0, -1)],
        ['ECODEC', Buffer.concat([Buffer.of(2, 99), bytes.subarray(2)])],
        ['EINVALIDSESSION', Buffer.concat([bytes.subarray(0, 2), randomBytes(100)])],
      ] as const) {
        await ask(client, 'SET', key(), `$${changed.toString('base64url')}`)
        const invalid = heard<{ error: InvalidSessionError }>(store, 'invalid')
        expect(await store.get(SID)).to.equal(null)
        expect(invalid.map(({ error }) => error.code)).to.deep.equal([code])
      }
    })
  })
}

describe('compression', () => {
  const made = (compression: unknown) =>
    new SolidisStore({ client: stubClient(), compression: compression as Compression })

  it('is off by default, and on by true', () => {
    expect(made(undefined).compression).to.equal(undefined)
    expect(made(false).compression).to.equal(undefined)
    expect(made(true).compression).to.deep.equal({})
    expect(made({ algorithm: 'brotli', minSize: 0 }).compression).to.deep.equal({
      algorithm: 'brotli',
      minSize: 0,
    })
  })

  it('is by zstd where Node has it, by brotli where not', () => {
    const codec = isAvailable('zstd') ? 2 : 1
    expect(codecOf(sealingOf({}).seal(SID, 'x'.repeat(5000)))).to.deep.equal([2, codec])
    const { zstdCompressSync } = zlib as { zstdCompressSync?: unknown }
    expect(isAvailable('zstd')).to.equal(zstdCompressSync !== undefined)
  })

  const bad = [{ algorithm: 'gzip' }, { minSize: -1 }, { minSize: '1' }, { level: 9 }, 'brotli', 5]
  if (!isAvailable('zstd')) bad.push({ algorithm: 'zstd' })
  for (const given of bad) {
    it(`is not ${JSON.stringify(given)}`, () => {
      expect(() => made(given)).to.throw(TypeError, /^compression: expected a boolean, or \{/)
    })
  }

  it('of a codec that this Node does not know is none', () => {
    expect(decompress(0, Buffer.of(1), 10)).to.deep.equal(Buffer.of(1))
    for (const codec of isAvailable('zstd') ? [3, 255] : [2, 3, 255]) {
      expect(() => decompress(codec, Buffer.of(1), 10)).to.throw()
    }
  })
})
