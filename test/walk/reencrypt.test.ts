import { expect } from 'chai'
import { type Command, type InvalidSessionError, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { type ClientKind, clientKinds, type TestClient } from '../support/clients.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, data, ONE_HOUR_MS, open, save } from '../support/requests.ts'
import { silentClient, stubClient } from '../support/stub.ts'
import { heard } from '../support/two-sessions.ts'

const OLD = 'the secret that is to be replaced'
const NEW = 'the secret that is to take its place'
const COUNT = 250

for (const kind of clientKinds) {
  describe(`reencrypt, over ${kind.name}`, () => {
    if (kind.missing) it(`is not tested here, because ${kind.missing}`)
    else reencryptOver(kind)
  })
}

function reencryptOver(kind: ClientKind): void {
  let test: TestClient
  let prefix: string
  before(async () => {
    test = await kind.connect()
  })
  after(() => test.close())
  beforeEach(() => {
    prefix = freshPrefix()
  })

  const makeStore = (secrets?: string[], options: object = {}) =>
    new SolidisStore({
      client: test.client,
      prefix,
      encryption: secrets && { secrets },
      scanCount: 20,
      ...options,
    })
  const accepting = (options: object = {}) =>
    makeStore(undefined, { encryption: { secrets: [NEW, OLD], acceptPlain: true }, ...options })
  const sids = (count = COUNT, name = 's') => Array.from({ length: count }, (_, i) => `${name}${i}`)
  const fill = (store: SolidisStore, names: string[]) =>
    Promise.all(names.map((sid) => store.set(sid, data({ of: sid }))))
  const raw = async (sid: string) => String(await ask(test.client, 'GET', prefix + sid))

  it('encrypts what the current secret has not, once, and nothing else', async () => {
    await fill(makeStore([OLD]), sids())
    await fill(makeStore([NEW]), sids(20, 'new'))
    const [before] = [await raw('new0')]
    expect(await makeStore([NEW, OLD]).reencrypt()).to.equal(COUNT)
    expect(await makeStore([NEW, OLD]).reencrypt()).to.equal(0)
    expect(await raw('new0')).to.equal(before)
    const all = await makeStore([NEW]).all()
    expect(all.map(({ id }) => id)).to.have.members([...sids(), ...sids(20, 'new')])
    for (const session of all) expect(session).to.include({ of: session.id })
  })

  it('encrypts what was not, and gives a callback the number', async () => {
    await fill(makeStore(), sids(30))
    const count = await new Promise((done, failed) => {
      accepting().reencrypt((error, count) => (error ? failed(error) : done(count)))
    })
    expect(count).to.equal(30)
    for (const sid of sids(30)) expect(await makeStore([NEW]).get(sid)).to.include({ of: sid })
  })

  it('leaves each its life, also where it has none', async () => {
    const store = makeStore([OLD])
    await fill(store, ['lives'])
    await makeStore([OLD], { disableTTL: true }).set('for ever', data())
    await ask(test.client, 'PEXPIRE', `${prefix}lives`, String(ONE_HOUR_MS / 2))
    expect(await makeStore([NEW, OLD]).reencrypt()).to.equal(2)
    const left = Number(await ask(test.client, 'PTTL', `${prefix}lives`))
    expect(left).to.be.within(ONE_HOUR_MS / 4, ONE_HOUR_MS / 2)
    expect(await ask(test.client, 'PTTL', `${prefix}for ever`)).to.equal(-1)
  })

  it('leaves what is no session as it is, and tells of it', async () => {
    await fill(makeStore([OLD]), sids(3))
    const unknown = 'a secret that nobody knows any more'
    await fill(makeStore([unknown]), ['lost'])
    const bad: Record<string, string> = {
      lost: await raw('lost'),
      moved: await raw('s0'),
      cut: (await raw('s1')).slice(0, -4),
      text: 'the value of another app',
      number: '42',
      object: '{"of":"another app"}',
    }
    for (const [sid, payload] of Object.entries(bad)) {
      await ask(test.client, 'SET', prefix + sid, payload)
    }
    await ask(test.client, 'RPUSH', `${prefix}list`, 'of another app')
    const store = accepting()
    const invalid = heard<{ sid: string; error: InvalidSessionError }>(store, 'invalid')
    expect(await store.reencrypt()).to.equal(3)
    const codes = Object.fromEntries(invalid.map(({ sid, error }) => [sid, error.code]))
    const plain = 'EINVALIDSESSION'
    expect(codes).to.deep.equal({
      ...{ lost: 'ESECRET', moved: 'EDECRYPT', cut: 'EDECRYPT', list: 'WRONGTYPE' },
      ...{ text: plain, number: plain, object: plain },
    })
    for (const [sid, payload] of Object.entries(bad)) expect(await raw(sid)).to.equal(payload)
    expect(store.state).to.equal('closed')
  })

  it('leaves what is plain, and tells of it, unless it is accepted', async () => {
    await fill(makeStore(), ['plain'])
    const store = makeStore([NEW, OLD])
    const invalid = heard<{ error: InvalidSessionError }>(store, 'invalid')
    expect(await store.reencrypt()).to.equal(0)
    expect(invalid.map(({ error }) => error.code)).to.deep.equal(['EPLAIN'])
    expect(await raw('plain')).to.match(/^\{/)
  })

  it('takes what a serializer makes, and what is under digests', async () => {
    const serializer = {
      stringify: async (session: object) => `!${JSON.stringify(session)}`,
      parse: async (text: string) => JSON.parse(text.slice(1)),
    }
    const options = { serializer, hashKeys: true }
    await makeStore([OLD], options).set('sid', data({ user: 'ann' }))
    expect(await makeStore([NEW, OLD], options).reencrypt()).to.equal(1)
    expect(await makeStore([NEW], options).get('sid')).to.include({ user: 'ann' })
  })

  it('loses nothing that is written meanwhile, by a process on the old secrets, too', async function () {
    this.timeout(30_000)
    const names = sids(50)
    // The other tests have left much to SCAN.
    const reencrypting = makeStore([NEW, OLD], { scanCount: 1000 })
    const writers = [makeStore([OLD, NEW]), makeStore([NEW, OLD])]
    await fill(makeStore([OLD]), names)
    let isOver = false
    let writes = 0
    const writing = Promise.all(
      names.map(async (sid, i) => {
        let count = 0
        for (; !isOver; writes++) {
          const store = writers[(i + count) % 2] as SolidisStore
          const session = await open(store, sid)
          if (count % 5 === 4) await store.touch(sid, session)
          await save(Object.assign(session, { [`n${count % 10}`]: count, count: ++count }))
        }
        if (i % 10 === 0) await (writers[0] as SolidisStore).destroy(sid)
        return count
      }),
    )
    try {
      for (let rounds = 0; rounds < 5 || writes < 500; rounds++) {
        await reencrypting.reencrypt()
      }
    } finally {
      isOver = true
    }
    const counts = await writing
    await reencrypting.reencrypt()
    const store = makeStore([NEW])
    for (const [i, sid] of names.entries()) {
      const session = await store.get(sid)
      if (i % 10 === 0) expect(session).to.equal(null)
      else {
        const count = counts[i] as number
        expect(session).to.include({ of: sid, count, [`n${(count - 1) % 10}`]: count - 1 })
      }
    }
  })

  it('encrypts what another has written between its two looks', async () => {
    await fill(makeStore([OLD]), ['changed', 'gone', 'encrypted', 'spoilt'])
    const interfere = async () => {
      await makeStore([OLD]).set('changed', data({ of: 'another' }))
      await makeStore([OLD]).destroy('gone')
      await makeStore([NEW]).set('encrypted', data({ of: 'another' }))
      await ask(test.client, 'SET', `${prefix}spoilt`, '$spoilt')
    }
    let interference: Promise<void> | undefined
    const interfering = {
      ...test.client,
      async send(commands: Command[]) {
        const isWrite = commands.flat().some((part) => String(part).startsWith('$'))
        if (isWrite) interference ??= interfere()
        if (isWrite) await interference
        return test.client.send(commands)
      },
    }
    const store = makeStore([NEW, OLD], { client: interfering })
    const invalid = heard<{ sid: string; error: InvalidSessionError }>(store, 'invalid')
    expect(await store.reencrypt()).to.equal(1)
    expect(interference).to.not.equal(undefined)
    expect(invalid.map(({ sid, error }) => [sid, error.code])).to.deep.equal([
      ['spoilt', 'EDECRYPT'],
    ])
    const strict = makeStore([NEW])
    expect(await strict.get('changed')).to.include({ of: 'another' })
    expect(await strict.get('encrypted')).to.include({ of: 'another' })
    expect(await strict.exists('gone')).to.equal(false)
  })

  it('does not conflict with who has loaded a session before', async () => {
    const store = makeStore([NEW, OLD], { onConflict: 'reject' })
    await fill(makeStore([OLD]), ['sid'])
    const session = await open(store, 'sid')
    expect(await store.reencrypt()).to.equal(1)
    await save(Object.assign(session, { a: 1 }))
    expect(await makeStore([NEW]).get('sid')).to.include({ a: 1, of: 'sid' })
  })

  it('tells of its progress, and ends when it is aborted', async () => {
    await fill(makeStore([OLD]), sids())
    const store = makeStore([NEW, OLD])
    const controller = new AbortController()
    const reason = new Error('enough')
    const told: number[] = []
    const onProgress = ({ done }: { done: number }) => {
      told.push(done)
      if (done > COUNT / 2) controller.abort(reason)
    }
    const { signal } = controller
    expect(await rejection(store.reencrypt({ signal, onProgress }))).to.equal(reason)
    expect(told).to.deep.equal([...told].sort((a, b) => a - b))
    const left = await store.reencrypt({ onProgress: ({ done }) => told.push(done) })
    expect(left).to.be.within(1, COUNT / 2)
    expect(told.at(-1)).to.equal(left)
  })
}

describe('options of reencrypt', () => {
  const encryption = { secrets: [NEW] }

  it('are refused where there is no encryption', async () => {
    const store = new SolidisStore({ client: stubClient() })
    const error = await rejection(store.reencrypt())
    expect(error).to.be.instanceOf(TypeError)
    expect(error.message).to.equal('options.encryption: expected an object, got undefined')
  })

  it('abort it while it waits for Redis', async () => {
    const store = new SolidisStore({ client: silentClient(), timeout: 0, encryption })
    const controller = new AbortController()
    const call = store.reencrypt({ signal: controller.signal })
    setImmediate(() => controller.abort())
    expect(await rejection(call)).to.equal(controller.signal.reason)
  })

  it('are checked', async () => {
    const store = new SolidisStore({ client: stubClient(), encryption })
    expect((await rejection(store.reencrypt({ signal: 5 as never }))).message).to.equal(
      'signal: expected an AbortSignal, got 5',
    )
  })
})
