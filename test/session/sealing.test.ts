import { createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { RedisStore } from 'connect-redis'
import fc from 'fast-check'
import { createClient } from 'redis'
import {
  type Command,
  type Encryption,
  fromNodeRedis,
  InvalidSessionError,
  type SolidisLike,
  SolidisStore,
} from '../../lib/index.ts'
import { ForeignPayloadError, Sealing } from '../../lib/session/sealing.ts'
import { rejection } from '../support/calls.ts'
import { freshPrefix, redisUrl } from '../support/redis.ts'
import { ask, attributesOf, type Data, data, open, save } from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { stubClient } from '../support/stub.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

const SECRET = 'a secret of no less than 32 bytes'
const OTHER_SECRET = 'another secret of at least 32 bytes'
const TEXT = JSON.stringify({ cookie: {}, user: 'ann', note: 'höchst geheim 🎉' })
const encryption = { secrets: [SECRET] }

type Invalid = { sid: string; error: InvalidSessionError }

function sealingOf(given: Partial<Encryption> | undefined = {}, prefix = 'sess:'): Sealing {
  const encryption = given && { secrets: [SECRET], ...given }
  return new Sealing({ prefix, encryption, compression: undefined, maxPayload: 2 ** 20 })
}

const plainSealing = () =>
  new Sealing({
    prefix: 'sess:',
    encryption: undefined,
    compression: { minSize: 0 },
    maxPayload: 2 ** 20,
  })

/** Why a payload does not open; `'opens'` if it does. */
function codeOf(sealing: Sealing, sid: string, payload: string): string {
  try {
    sealing.open(sid, payload)
    return 'opens'
  } catch (error) {
    if (error instanceof ForeignPayloadError) return error.badData.code
    return (error as InvalidSessionError).code
  }
}

const bytesOf = (payload: string) => Buffer.from(payload.slice(1), 'base64url')
const payloadOf = (bytes: Buffer) => `$${bytes.toString('base64url')}`

/** Others that may come of a payload, none of which is it. */
function* changesOf(payload: string): Generator<[how: string, changed: string]> {
  for (let i = 0; i < payload.length; i++) {
    for (let bit = 1; bit < 256; bit <<= 1) {
      const unit = String.fromCharCode(payload.charCodeAt(i) ^ bit)
      yield [`bit ${bit} of character ${i}`, payload.slice(0, i) + unit + payload.slice(i + 1)]
    }
    yield [`cut after ${i}`, payload.slice(0, i)]
    if (i > 0) yield [`cut before ${i}`, `$${payload.slice(i + 1)}`]
    for (const more of ['=', '\n', ' ', 'A', '.', '\0', 'é']) {
      yield [`${JSON.stringify(more)} before ${i}`, payload.slice(0, i) + more + payload.slice(i)]
    }
  }
  const bytes = bytesOf(payload)
  for (let i = 0; i < bytes.length; i++) {
    for (let bit = 1; bit < 256; bit <<= 1) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] as number) ^ bit
      yield [`bit ${bit} of byte ${i}`, payloadOf(changed)]
    }
    yield [`its first ${i} bytes`, payloadOf(bytes.subarray(0, i))]
    yield [
      `without byte ${i}`,
      payloadOf(Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1)])),
    ]
  }
  for (const more of ['=', '==', '===', '\n', ' ', 'A', 'AAAA', '-', '\0']) {
    yield [`with ${JSON.stringify(more)} at its end`, payload + more]
  }
  yield ['in base64', `$${bytes.toString('base64')}`]
  yield ["with '+' for '-'", payload.replaceAll('-', '+')]
  yield ["with '/' for '_'", payload.replaceAll('_', '/')]
  yield ['twice', payload + payload]
  yield ['with two marks', `$${payload}`]
}

/** One whose text has what other alphabets of base64 have other letters for. */
function sealedWithAllLetters(sealing: Sealing): string {
  for (;;) {
    const payload = sealing.seal(SID, TEXT)
    if (payload.includes('-') && payload.includes('_')) return payload
  }
}

describe('a sealed payload', () => {
  it('opens to what was sealed, whatever the text, the id and the prefix', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(text, text, text, (text, sid, prefix) => {
        const sealing = sealingOf({}, prefix)
        const payload = sealing.seal(sid, text)
        expect(sealing.open(sid, payload)).to.equal(text)
        expect(payload).to.match(/^\$[\w-]+$/)
      }),
    )
  })

  it('is made by AES-256-GCM, of a key of the session, beside the header and the name of the key', () => {
    const bytes = bytesOf(sealingOf().seal(SID, TEXT))
    const hmac = (what: string) => createHmac('sha256', SECRET).update(what).digest()
    expect([...bytes.subarray(0, 2)]).to.deep.equal([1, 0])
    expect(bytes.subarray(2, 6)).to.deep.equal(hmac('connect-solidis id').subarray(0, 4))
    const open = (sid: string, beside: string) => {
      const key = hmac(`connect-solidis session\0${sid}`)
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(6, 18))
      decipher.setAuthTag(bytes.subarray(-16))
      decipher.setAAD(Buffer.concat([bytes.subarray(0, 6), Buffer.from(beside)]))
      return decipher.update(bytes.subarray(18, -16), undefined, 'utf8') + decipher.final('utf8')
    }
    expect(open(SID, `sess:${SID}`)).to.equal(TEXT)
    expect(() => open('another', `sess:${SID}`)).to.throw()
    expect(() => open(SID, 'sess:another')).to.throw()
  })

  it('never has the nonce of another', () => {
    const sealing = sealingOf()
    const nonceOf = (_: unknown, i: number) =>
      bytesOf(sealing.seal(`sid ${i % 3}`, TEXT)).toString('hex', 6, 18)
    const nonces = Array.from({ length: 20_000 }, nonceOf)
    expect(new Set(nonces)).to.have.property('size', nonces.length)
  })

  it('opens by no other id, and with no other prefix, though the key be the same', () => {
    const payload = sealingOf().seal('ab', TEXT)
    for (const sid of ['abc', 'a', 'b', '', 'AB', 'ab\0', ' ab']) {
      expect(codeOf(sealingOf(), sid, payload), sid).to.equal('EDECRYPT')
    }
    expect(codeOf(sealingOf({}, 'sess'), 'ab', payload)).to.equal('EDECRYPT')
    expect(codeOf(sealingOf({}, 'sess:a'), 'b', payload)).to.equal('EDECRYPT')
    expect(codeOf(sealingOf({}, ''), 'sess:ab', payload)).to.equal('EDECRYPT')
  })

  it('opens in no other form: flipped bit by bit, cut, lengthened, or spelt otherwise', () => {
    const sealing = sealingOf({ acceptPlain: true })
    const strict = sealingOf()
    const payload = sealedWithAllLetters(sealing)
    for (const [how, changed] of changesOf(payload)) {
      expect(changed, how).not.to.equal(payload)
      const isPlain = !changed.startsWith('$')
      // What is not marked is plain text, as which it is for the serializer to refuse.
      expect(codeOf(sealing, SID, changed) === 'opens', how).to.equal(isPlain)
      expect(codeOf(strict, SID, changed), how).to.be.oneOf(
        isPlain ? ['EPLAIN'] : ['EDECRYPT', 'ESECRET', 'EPLAIN'],
      )
    }
  })

  it('opens with no bits set that base64 does not use', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const text of ['1', '12', '123']) {
      const payload = sealingOf().seal(SID, text)
      for (const letter of letters) {
        const changed = payload.slice(0, -1) + letter
        expect(codeOf(sealingOf(), SID, changed)).to.equal(
          changed === payload ? 'opens' : 'EDECRYPT',
        )
      }
    }
  })

  it('opens with no part of another, of the same session or not', () => {
    const sealing = sealingOf()
    const bytes = bytesOf(sealing.seal(SID, TEXT))
    for (const other of [sealing.seal(SID, TEXT), sealing.seal('other', TEXT)].map(bytesOf)) {
      for (let at = 7; at < bytes.length; at++) {
        const mixed = Buffer.concat([bytes.subarray(0, at), other.subarray(at)])
        // Two nonces may begin alike.
        if (!mixed.equals(bytes) && !mixed.equals(other)) {
          expect(codeOf(sealing, SID, payloadOf(mixed)), `from ${at}`).to.equal('EDECRYPT')
        }
      }
    }
  })

  it('opens with no other version and no other codec', () => {
    const bytes = bytesOf(sealingOf().seal(SID, TEXT))
    for (const at of [0, 1]) {
      for (let value = 0; value < 256; value++) {
        if (value === bytes[at]) continue
        const changed = Buffer.from(bytes)
        changed[at] = value
        expect(codeOf(sealingOf(), SID, payloadOf(changed))).to.be.oneOf(['EDECRYPT', 'EPLAIN'])
      }
    }
  })

  it('opens by each of the secrets, and is sealed by the first', () => {
    const old = sealingOf()
    const both = sealingOf({ secrets: [OTHER_SECRET, SECRET] })
    const current = sealingOf({ secrets: [OTHER_SECRET] })
    expect(both.open(SID, old.seal(SID, TEXT))).to.equal(TEXT)
    expect(current.open(SID, both.seal(SID, TEXT))).to.equal(TEXT)
    expect(codeOf(old, SID, both.seal(SID, TEXT))).to.equal('ESECRET')
    expect([
      both.isCurrent(old.seal(SID, TEXT)),
      both.isCurrent(current.seal(SID, TEXT)),
    ]).to.deep.equal([false, true])
  })

  it('does not open where nothing is encrypted', () => {
    expect(codeOf(plainSealing(), SID, sealingOf().seal(SID, TEXT))).to.equal('ESECRET')
  })

  it('has to be encrypted, compressed or not, unless plain ones are accepted', () => {
    const compressed = plainSealing().seal(SID, TEXT.repeat(10))
    for (const payload of [TEXT, '', 'null', compressed]) {
      expect(codeOf(sealingOf(), SID, payload)).to.equal('EPLAIN')
      expect(codeOf(sealingOf({ acceptPlain: false }), SID, payload)).to.equal('EPLAIN')
    }
    expect(sealingOf({ acceptPlain: true }).open(SID, TEXT)).to.equal(TEXT)
    expect(sealingOf({ acceptPlain: true }).open(SID, compressed)).to.equal(TEXT.repeat(10))
  })

  it('is left to the serializer where it only looks like one, and nothing is encrypted', () => {
    for (const text of ['$', '$2y$10$abc', '$$', '$AQ==']) {
      expect(plainSealing().open(SID, text)).to.equal(text)
      expect(codeOf(sealingOf({ acceptPlain: true }), SID, text)).to.equal('EDECRYPT')
    }
  })
})

describe('a secret', () => {
  const made = (given: unknown) => () =>
    new SolidisStore({ client: stubClient(), encryption: given as Encryption })

  it('is text or bytes, of 32 bytes or more', () => {
    for (const secret of ['x'.repeat(32), 'ü'.repeat(16), randomBytes(32), new Uint8Array(32)]) {
      made({ secrets: [secret] })()
    }
    const text = sealingOf({ secrets: ['x'.repeat(32)] })
    const bytes = sealingOf({ secrets: [Buffer.from('x'.repeat(32))] })
    expect(bytes.open(SID, text.seal(SID, TEXT))).to.equal(TEXT)
  })

  it('may be overwritten by its owner when the store is made', () => {
    const secret = randomBytes(32)
    const copy = Buffer.from(secret)
    const sealing = sealingOf({ secrets: [secret] })
    secret.fill(0)
    expect(sealingOf({ secrets: [copy] }).open(SID, sealing.seal(SID, TEXT))).to.equal(TEXT)
  })

  const bad: [secret: unknown, shown: string][] = [
    ['hunter2', '7 bytes'],
    ['', '0 bytes'],
    ['hunter2'.padEnd(31), '31 bytes'],
    [Buffer.from('hunter2'), '7 bytes'],
    [new Uint8Array(31), '31 bytes'],
    [4857203945, 'the type number'],
    [4857203945n, 'the type bigint'],
    [Symbol('hunter2'), 'the type symbol'],
    [['hunter2'], 'the type object'],
    [new Uint16Array(32), 'the type object'],
    [new String('hunter2'.padEnd(40)), 'the type object'],
    [undefined, 'the type undefined'],
    [null, 'the type object'],
  ]
  for (const [secret, shown] of bad) {
    it(`is refused with how to make a good one, and not shown: ${shown}`, () => {
      expect(made({ secrets: [SECRET, secret] })).to.throw(
        TypeError,
        `encryption.secrets[1]: expected 32 random bytes or more, such as \`openssl rand -base64 32\` prints, got ${shown}`,
      )
      expect(made({ secrets: [SECRET, secret] })).not.to.throw(/hunter2|4857203945/)
    })
  }

  for (const [given, message] of [
    [{}, 'encryption: expected an object with secrets, an array that is not empty, got an object'],
    [{ secrets: [] }, /^encryption: expected an object with secrets/],
    [{ secrets: 'hunter2'.padEnd(32) }, /^encryption: .*got an object$/],
    ['hunter2'.padEnd(32), /^encryption: .*got a string$/],
    [true, /^encryption: .*got true$/],
    [
      { secrets: [SECRET], acceptPlain: 'yes' },
      'encryption.acceptPlain: expected a boolean, got a string',
    ],
    [
      { secrets: [SECRET], acceptPlain: true, writePlain: 1 },
      'encryption.writePlain: expected a boolean, got 1',
    ],
    [
      { secrets: [SECRET], writePlain: true },
      'encryption.acceptPlain: expected true, with writePlain, got undefined',
    ],
    [
      { secrets: [SECRET], acceptplain: true },
      'encryption.acceptplain: there is no such option; the options are secrets, acceptPlain, writePlain',
    ],
  ] as [unknown, string | RegExp][]) {
    it(`is asked for by options that are known: ${JSON.stringify(given)}`, () => {
      expect(made(given)).to.throw(TypeError, message)
      expect(made(given)).not.to.throw(/hunter2/)
    })
  }

  it('is not shown by the store', () => {
    const store = made({ secrets: [SECRET] })()
    expect(JSON.stringify(Object.values(store))).not.to.include(SECRET)
    expect(Object.keys(store)).not.to.include('encryption')
  })
})

describe('an encrypted session in Redis', () => {
  const { client, key, makeStore } = useStores()

  const raw = async (at = key()) => String(await ask(client, 'GET', at))
  const put = (payload: string, at = key()) => ask(client, 'SET', at, payload)
  const encrypted = (options = {}) => makeStore({ encryption, breaker: true, ...options })

  it('shows nothing of what it says', async () => {
    const store = encrypted()
    await store.set(SID, data({ user: 'ann', token: 'hunter2' }))
    expect(await raw()).to.match(/^\$[\w-]+$/)
    expect(bytesOf(await raw()).toString('latin1')).not.to.match(/ann|hunter2|cookie|user/)
    expect(attributesOf((await store.get(SID)) as Data)).to.deep.equal({
      user: 'ann',
      token: 'hunter2',
    })
  })

  it('is another text each time that it is saved', async () => {
    const store = encrypted()
    await store.set(SID, data({ a: 1 }))
    const session = await open(store, SID)
    const texts = new Set([await raw()])
    for (const _ of [1, 2, 3]) {
      await save(session)
      texts.add(await raw())
    }
    expect(texts).to.have.property('size', 4)
  })

  /** Each with the code that tells of it. */
  const tampered: [
    how: string,
    change: (payload: string) => Promise<string> | string,
    code: string,
  ][] = [
    ['flipped', (payload) => payloadOf(flipped(bytesOf(payload), 30)), 'EDECRYPT'],
    ['cut', (payload) => payload.slice(0, -4), 'EDECRYPT'],
    ['cut to its header', (payload) => payload.slice(0, 9), 'EDECRYPT'],
    ['cut to its mark', () => '$', 'EDECRYPT'],
    ['with padding', (payload) => `${payload}=`, 'EDECRYPT'],
    ['of another version', (payload) => payloadOf(flipped(bytesOf(payload), 0, 128)), 'EDECRYPT'],
    ['with another codec', (payload) => payloadOf(flipped(bytesOf(payload), 1)), 'EDECRYPT'],
    [
      'of a secret that is not known',
      (payload) => payloadOf(flipped(bytesOf(payload), 3)),
      'ESECRET',
    ],
    ['that is plain', () => JSON.stringify(data({ user: 'mallory' })), 'EPLAIN'],
    ['that is compressed, but plain', () => plainSealing().seal(SID, TEXT), 'EPLAIN'],
    ['that is empty', () => '', 'EPLAIN'],
    ['that is of another key', () => sealingOf().seal('another', TEXT), 'EDECRYPT'],
  ]

  function flipped(bytes: Buffer, at: number, bit = 1): Buffer {
    bytes[at] = (bytes[at] as number) ^ bit
    return bytes
  }

  for (const [how, change, code] of tampered) {
    it(`is none where it is one ${how}, and told of`, async () => {
      const store = encrypted()
      await store.set(SID, data({ user: 'ann' }))
      await store.set('good', data({ user: 'bob' }))
      const loaded = await open(store, SID)
      const changed = await change(await raw())
      await put(changed)
      const invalid = heard<Invalid>(store, 'invalid')
      const told = () => invalid.splice(0).map(({ sid, error }) => [sid, error.code])
      expect(await store.get(SID)).to.equal(null)
      expect(told()).to.deep.equal([[SID, code]])
      expect((await store.all()).map(({ id }) => id)).to.deep.equal(['good'])
      expect(told()).to.deep.equal([[SID, code]])
      for await (const [sid] of store) expect(sid).to.equal('good')
      expect(told()).to.deep.equal([[SID, code]])
      expect(await store.update(SID, () => {})).to.equal(null)
      expect(told()).to.deep.equal([[SID, code]])
      await save(Object.assign(loaded, { a: 1 }))
      expect(told()).to.deep.equal([[SID, code]])
      expect(await raw(), 'stays').to.equal(changed)
      expect(store.state).to.equal('closed')
      await store.set(SID, data({ user: 'ann again' }))
      expect(await store.get(SID)).to.include({ user: 'ann again' })
      expect(told()).to.deep.equal([])
    })
  }

  it('does not open where it was moved: to another id, to another prefix, or against another', async () => {
    const store = encrypted()
    const other = encrypted({ prefix: freshPrefix() })
    await store.set(SID, data({ user: 'ann' }))
    await store.set('mine', data({ user: 'mallory' }))
    await other.set(SID, data({ user: 'bob' }))
    const [anns, mine] = [await raw(), await raw(`${store.prefix}mine`)]
    await put(anns, `${store.prefix}mine`)
    await put(mine)
    await put(anns, other.prefix + SID)
    for (const [at, sid] of [
      [store, SID],
      [store, 'mine'],
      [other, SID],
    ] as const) {
      const invalid = heard<Invalid>(at, 'invalid')
      expect(await at.get(sid)).to.equal(null)
      expect(invalid.map(({ error }) => error.code)).to.deep.equal(['EDECRYPT'])
      expect(at.state).to.equal('closed')
    }
  })

  it('opens where it is an older one of the same session, which nobody can tell', async () => {
    const store = encrypted()
    await store.set(SID, data({ role: 'admin' }))
    const older = await raw()
    await store.set(SID, data({ role: 'user' }))
    await put(older)
    expect(await store.get(SID)).to.include({ role: 'admin' })
  })

  it('that comes with the reply to another call is an error, and closes the door', async () => {
    const ofAnother = (part: Command[number]) => (part === key() ? `${key()} of another` : part)
    // To a script that reads, the reply has the nonce of the call that it was meant for.
    const swappedRead = (command: Command, isAlone: boolean) => {
      if (!String(command[0]).startsWith('EVAL')) return command.map(ofAnother)
      return isAlone ? command.with(-1, 'of another').map(ofAnother) : command
    }
    const swapping = (isAlone: boolean): SolidisLike => ({
      send: (commands) =>
        client.send(
          commands.map((command) => (isRead(command) ? swappedRead(command, isAlone) : command)),
        ),
    })
    for (const isAlone of [true, false]) {
      const store = encrypted({ client: swapping(isAlone) })
      await store.set(SID, data({ user: 'ann' }))
      await store.set(`${SID} of another`, data({ user: 'bob' }))
      const invalid = heard(store, 'invalid')
      // What comes later in a tick is read by GET.
      const other = isAlone ? undefined : store.exists('other')
      expect(await rejection(store.get(SID))).to.include({ code: 'EFOREIGN' })
      expect(store.state).to.equal('open')
      expect(invalid).to.deep.equal([])
      await other
    }
  })

  it('tells of a secret that is missing by a warning of the process, once a store', async () => {
    const warnings: (Error & { code?: string })[] = []
    const listener = (warning: Error) => warnings.push(warning)
    process.on('warning', listener)
    try {
      await encrypted().set(SID, data({ user: 'ann' }))
      await put(JSON.stringify(data({ user: 'ann' })), `${key()} that is plain`)
      for (const store of [encrypted({ encryption: { secrets: [OTHER_SECRET] } }), encrypted()]) {
        for (const _ of [1, 2]) {
          await store.get(SID)
          await store.get(`${SID} that is plain`)
        }
      }
      await makeStore().get(SID)
      await new Promise(setImmediate)
    } finally {
      process.off('warning', listener)
    }
    const codes = warnings.map(({ code }) => code)
    const [secret, plain] = ['CONNECT_SOLIDIS_ESECRET', 'CONNECT_SOLIDIS_EPLAIN']
    expect(codes).to.deep.equal([secret, plain, plain, secret])
    for (const { message } of warnings) expect(message).not.to.match(/ann|the sid|secret of/)
  })

  it('is merged, and compared, by what it says', async () => {
    const [one, other] = [encrypted(), encrypted({ onConflict: 'reject' })]
    await one.set(SID, data({ a: 1, b: 1 }))
    const [ours, theirs] = [await open(one, SID), await open(other, SID)]
    await save(Object.assign(theirs, { a: 2 }))
    await save(Object.assign(ours, { b: 2 }))
    expect(attributesOf((await one.get(SID)) as Data)).to.deep.equal({ a: 2, b: 2 })
    const refused = await rejection(save(Object.assign(theirs, { a: 3 })))
    expect(refused).to.include({ code: 'ECONFLICT' })
  })
})

describe('the way to encryption', () => {
  let client: ReturnType<typeof connect>
  let prefix: string
  const connect = () => createClient({ url: redisUrl() })

  before(async () => {
    client = connect()
    await client.connect()
  })
  after(() => client.destroy())
  beforeEach(() => {
    prefix = freshPrefix()
  })

  const makeStore = (encryption?: Encryption) =>
    new SolidisStore({ client: fromNodeRedis(client), prefix, encryption })

  it('keeps the sessions of connect-redis, and those that were not encrypted', async () => {
    const theirs = new RedisStore({ client, prefix })
    await theirs.set('1', data({ user: 'ann' }))
    await theirs.set('3', data({ user: 'cid' }))
    await makeStore().set('2', data({ user: 'bob' }))
    const accepting = makeStore({ ...encryption, acceptPlain: true })
    const loaded = (await accepting.get('1')) as Data
    await accepting.set('1', Object.assign(loaded, { seen: true }))
    expect(await client.get(`${prefix}1`)).to.match(/^\$/)
    expect(await client.get(`${prefix}2`)).to.match(/^\{/)
    expect(await accepting.reencrypt()).to.equal(2)
    const strict = makeStore(encryption)
    const users = ((await strict.all()) as unknown as Data[]).map(({ id, user }) => [id, user])
    expect(users.sort()).to.deep.equal([
      ['1', 'ann'],
      ['2', 'bob'],
      ['3', 'cid'],
    ])
    expect(await strict.get('1')).to.include({ seen: true })
  })

  it('loses no session on a live site, there and back', async () => {
    const plain = () => makeStore()
    const first = () => makeStore({ ...encryption, acceptPlain: true, writePlain: true })
    const second = () => makeStore({ ...encryption, acceptPlain: true })
    const last = () => makeStore(encryption)
    const steps = [plain, first, second, last, second, first, plain]
    await plain().set('1', data({ visits: 0 }))
    for (const [i, now] of steps.entries()) {
      // Two processes: one of this step, and one of the step before or of this.
      const others = [now(), steps[Math.max(i - 1, 0)]?.() as SolidisStore]
      for (const store of others) {
        const session = (await store.get('1')) as Data & { visits: number }
        expect(session, `step ${i}`).not.to.equal(null)
        session.visits++
        await store.set('1', session)
      }
      if (now === second && i < 3) {
        await second().reencrypt()
        expect(await client.get(`${prefix}1`)).to.match(/^\$/)
      }
      if (now === first && i > 3) {
        expect(await client.get(`${prefix}1`), 'by the step before').to.match(/^\$/)
        expect(await first().reencrypt()).to.equal(1)
        expect(await first().reencrypt()).to.equal(0)
        expect(await client.get(`${prefix}1`)).to.match(/^\{/)
      }
    }
    expect(await plain().get('1')).to.include({ visits: 2 * steps.length })
  })

  it('accepts what is plain only if it is said', async () => {
    await makeStore().set('1', data({ user: 'ann' }))
    for (const acceptPlain of [undefined, false]) {
      const store = makeStore({ ...encryption, acceptPlain })
      const invalid = heard<Invalid>(store, 'invalid')
      expect(await store.get('1')).to.equal(null)
      expect(invalid.map(({ error }) => error.code)).to.deep.equal(['EPLAIN'])
      expect(invalid[0]?.error).to.be.instanceOf(InvalidSessionError)
    }
  })

  it('has no way back but by a store that still has the secret', async () => {
    await makeStore(encryption).set('1', data({ user: 'ann' }))
    const plain = makeStore()
    const invalid = heard<Invalid>(plain, 'invalid')
    expect(await plain.get('1')).to.equal(null)
    expect(invalid.map(({ error }) => error.code)).to.deep.equal(['ESECRET'])
    for await (const [sid, session] of makeStore(encryption)) {
      await plain.set(sid, { ...session } as Data)
    }
    expect(await plain.get('1')).to.include({ user: 'ann' })
    expect(await new RedisStore({ client, prefix }).get('1')).to.include({ user: 'ann' })
  })
})
