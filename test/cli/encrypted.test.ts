import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { SolidisStore, type SolidisStoreOptions } from '../../lib/index.ts'
import { ensureBuilt } from '../support/built.ts'
import { noTerminal, type Outcome, runCli, runInTerminal, stallAt } from '../support/cli.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, type Data, data } from '../support/requests.ts'

const CURRENT = 'the current secret of bytes enough'
const OLD = 'the old secret that is of bytes enough'
const LOST = 'the lost secret that is of bytes enough'

const indexBy = (session: object) => (session as Data).user as string | undefined

describe('the operator of encrypted sessions', function () {
  // Each call is a process.
  this.timeout(30_000)
  let connection: TestClient
  let prefix: string

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    connection = await mainKind.connect()
  })
  after(() => connection.close())
  beforeEach(() => {
    prefix = freshPrefix()
  })

  const makeStore = (options: Partial<SolidisStoreOptions> = {}) =>
    new SolidisStore({ client: connection.client, prefix, indexBy, ...options })
  const encryptedBy = (...secrets: string[]) => makeStore({ encryption: { secrets } })
  const payloadOf = async (sid: string) => String(await ask(connection.client, 'GET', prefix + sid))
  const runWith = (secrets: string[], ...args: string[]) =>
    runCli([...args, '--prefix', prefix], {
      env: secrets.length > 0 ? { SESSION_ENCRYPTION_SECRETS: secrets.join(',') } : {},
    })
  const jsonWith = async (secrets: string[], ...args: string[]) =>
    JSON.parse(passed(await runWith(secrets, ...args, '--json')))

  it('reads, finds and ends them with the secrets of the app', async () => {
    const store = encryptedBy(OLD)
    for (const sid of ['one', 'two', 'three']) await store.set(sid, data({ user: 'ann' }))
    const given = [CURRENT, OLD]
    const shown = await jsonWith(given, 'show', 'one')
    expect(shown.attributes).to.deep.include({ name: 'user', bytes: 5 })
    const index = ['--index', 'user']
    const listed = await runWith(given, 'list', '--json', ...index)
    expect(listed.stderr).to.equal('')
    expect(JSON.parse(listed.stdout).map(({ value }: Data) => value)).to.deep.equal([
      'ann',
      'ann',
      'ann',
    ])
    expect(await jsonWith(given, 'reindex', ...index)).to.deep.equal({ indexed: 3 })
    expect(await jsonWith(given, 'end-by', 'ann', ...index)).to.deep.equal({ ended: 3 })
    expect(await store.length()).to.equal(0)
  })

  it('is told, once, that secrets are needed, and harms nothing without', async () => {
    const store = encryptedBy(CURRENT)
    for (const sid of ['one', 'two']) await store.set(sid, data({ user: 'ann' }))
    const why = /which are encrypted: set SESSION_ENCRYPTION_SECRETS to the secrets of the app\.\n/
    const index = ['--index', 'user']

    const listed = await runWith([], 'list', '--json')
    expect(listed).to.deep.include({ status: 0, stdout: '[]\n' })
    expect(listed.stderr).to.match(new RegExp(`^Left out: 2 of the keys, ${why.source}$`))
    expect(await runWith([], 'show', 'one')).to.deep.equal({
      status: 1,
      stdout: '',
      stderr:
        'The session is encrypted: set SESSION_ENCRYPTION_SECRETS to the secrets of the app.\n',
    })
    for (const args of [
      ['end-by', 'ann'],
      ['reindex'],
      ['end-by', 'ann', '--only', 'a handle of nothing...'],
    ]) {
      const outcome = await runWith([], ...args, ...index)
      expect(outcome.stderr, args[0])
        .to.match(why)
        .and.match(/What could not be read was not/)
      expect(outcome.status, args[0]).to.equal(1)
    }
    expect(await jsonWith([], 'count')).to.deep.equal({ count: 2 })
    expect(await runWith([], 'end', 'one')).to.include({ status: 0, stderr: '' })
    expect((await store.findBy('ann')).map(({ sid }) => sid)).to.deep.equal(['two'])
  })

  it('is told what is wrong with a secret, but not the secret', async () => {
    const { status, stdout, stderr } = await runWith([CURRENT, 'hunter2'], 'count')
    expect({ status, stdout }).to.deep.equal({ status: 2, stdout: '' })
    expect(stderr).to.match(/^SESSION_ENCRYPTION_SECRETS\[1\]: expected 32 random bytes or more/)
    expect(stderr).not.to.include('hunter2')
  })

  it('encrypts by the current secret what is not, and leaves it compressed', async () => {
    await encryptedBy(OLD).set('old', data({ user: 'ann' }))
    await encryptedBy(CURRENT).set('current', data())
    const large = data({ text: 'long '.repeat(10_000) })
    const compression = { algorithm: 'brotli' } as const
    await makeStore({ encryption: { secrets: [OLD] }, compression }).set('large', large)
    const [current, { length }] = [await payloadOf('current'), await payloadOf('large')]
    expect(await jsonWith([CURRENT, OLD], 'reencrypt')).to.deep.equal({
      encrypted: 2,
      unreadable: 0,
    })
    const store = encryptedBy(CURRENT)
    expect(await store.get('old')).to.include({ user: 'ann' })
    expect(await store.get('large')).to.include({ text: large.text })
    expect(await payloadOf('current')).to.equal(current)
    expect(await payloadOf('large')).to.have.length(length)
    expect(passed(await runWith([CURRENT], 'reencrypt'))).to.equal('0 sessions encrypted\n')
  })

  it('is told what is left that is not encrypted, and may have it encrypted', async () => {
    await makeStore().set('plain', data({ user: 'ann' }))
    const refused = await runWith([CURRENT], 'reencrypt')
    expect(refused).to.include({ status: 1, stdout: '0 sessions encrypted\n' })
    expect(refused.stderr).to.match(/^Left out: 1 of the keys, which are not encrypted: see --acc/)
    expect((await runWith([CURRENT], 'show', 'plain')).stderr).to.include('not encrypted')
    const shown = await jsonWith([CURRENT], 'show', 'plain', '--accept-plain')
    expect(shown.attributes).to.deep.include({ name: 'user', bytes: 5 })
    expect(passed(await runWith([CURRENT], 'reencrypt', '--accept-plain'))).to.equal(
      '1 session encrypted\n',
    )
    expect(await encryptedBy(CURRENT).get('plain')).to.include({ user: 'ann' })
  })

  it('sees a bar while it encrypts', async function () {
    if (noTerminal !== undefined) this.skip()
    await encryptedBy(OLD).set('old', data())
    const { status, shown } = await runInTerminal(['reencrypt', '--prefix', prefix], [], {
      SESSION_ENCRYPTION_SECRETS: `${CURRENT},${OLD}`,
    })
    expect(status).to.equal(0)
    expect(shown).to.include('Encrypting').and.include('1 session encrypted')
  })

  it('may interrupt that, and is told that it can be done again', async () => {
    await encryptedBy(OLD).set('old', data())
    let pid = 0
    const stall = await stallAt('SCAN', () => process.kill(pid, 'SIGINT'))
    const outcome = await runCli(['reencrypt', '--prefix', prefix], {
      env: { REDIS_URL: stall.url, SESSION_ENCRYPTION_SECRETS: `${CURRENT},${OLD}` },
      began: (of) => {
        pid = of
      },
    })
    stall.close()
    expect(outcome).to.deep.equal({
      status: 130,
      stdout: '',
      stderr: 'What had been encrypted stays so. Run it again for the rest.\nInterrupted.\n',
    })
  })

  describe('that asks the doctor', () => {
    /** Of each kind another number. */
    beforeEach(async () => {
      const store = encryptedBy(CURRENT)
      await store.set('opens', data({ user: 'ann' }))
      for (const sid of ['lost 1', 'lost 2']) await encryptedBy(LOST).set(sid, data())
      for (const sid of ['plain 1', 'plain 2', 'plain 3']) await makeStore().set(sid, data())
      await ask(connection.client, 'COPY', `${prefix}opens`, `${prefix}moved`)
    })

    it('is told, each apart, what does not open', async () => {
      const compressed = Buffer.of(2, 99, 0).toString('base64url')
      await ask(connection.client, 'SET', `${prefix}compressed`, `$${compressed}`)
      const outcome = await runWith([CURRENT], 'doctor', '--json', '--accept-plain')
      const of = checksIn(outcome)
      expect(of('encryption').data).to.deep.equal({ secret: 2, plain: 0, changed: 1 })
      expect(of('readable')).to.deep.include({
        status: 'warning',
        data: { unreadable: 0, codec: 1 },
      })
      expect(of('session sizes').data).to.include({ sampled: 4 })

      const strict = await runWith([CURRENT], 'doctor', '--json')
      expect(strict.status).to.equal(1)
      const encryption = checksIn(strict)('encryption')
      expect(encryption.data).to.deep.equal({ secret: 2, plain: 4, changed: 1 })
      expect(encryption.status).to.equal('failed')
      expect(encryption.detail)
        .to.match(/2 were encrypted with a secret .* users count as logged out/)
        .and.match(/1 were altered/)
        .and.match(/4 are not encrypted/)
      expect(strict.stderr).to.equal('Not all is well.\n')
    })

    it('is told, as no failure, that it needs the secrets to look into them', async () => {
      const outcome = await runWith([], 'doctor', '--json', '--index', 'user')
      expect(outcome).to.include({ status: 0, stderr: '' })
      const { status, detail, data } = checksIn(outcome)('encryption')
      expect({ status, data }).to.deep.equal({
        status: 'unknown',
        data: { secret: 4, plain: 0, changed: 0 },
      })
      expect(detail).to.include('set SESSION_ENCRYPTION_SECRETS')
      expect(checksIn(outcome)('rights').status).to.equal('ok')
      expect(checksIn(outcome)('index').status).to.equal('unknown')
    })

    it('looks at no more than it was asked to, also where nothing opens', async () => {
      const outcome = await runWith([], 'doctor', '--json', '--sample', '3')
      expect(checksIn(outcome)('keys').data).to.deep.equal({ looked: 3, digests: 0 })
    })

    it('is told of what is larger than maxPayload', async () => {
      const large = makeStore({ maxPayload: Number.POSITIVE_INFINITY })
      await large.set('large', data({ text: 'x'.repeat(2 ** 20) }))
      const check = checksIn(await runWith([], 'doctor', '--json'))('session sizes')
      expect(check).to.include({ status: 'warning' })
      expect(check.detail).to.include('maxPayload refuses to write more than 1,049 kB')
    })
  })

  describe('whose keys are hashed', () => {
    const SID = 'the-id-of-a-session-that-is-in-a-cookie'
    const digest = createHash('sha256').update(SID).digest('base64url')
    let store: SolidisStore

    beforeEach(async () => {
      store = makeStore({ hashKeys: true, encryption: { secrets: [CURRENT] } })
      await store.set(SID, data({ user: 'ann' }))
      await store.set('another id', data({ user: 'ann' }))
    })

    it('finds a session by id, digest or handle, the handle of the app', async () => {
      const handles = (await store.findBy('ann')).map(({ handle }) => handle)
      const listed = await jsonWith([CURRENT], 'list')
      expect(listed.map(({ handle }: Data) => handle)).to.have.members(handles)
      const handle = digest.slice(0, 22)
      expect(handles).to.include(handle)
      for (const given of [SID, digest, handle]) {
        const shown = await jsonWith([CURRENT], 'show', given, '--sids')
        expect(shown).to.include({ handle, sid: digest })
      }
      for (const given of [SID, digest, handle]) {
        await store.set(SID, data({ user: 'ann' }))
        expect(await jsonWith([], 'end', given)).to.deep.equal({ ended: 1 })
        expect(await store.exists(SID)).to.equal(false)
      }
      expect(await store.exists('another id')).to.equal(true)
    })

    it("ends one of a user's, or spares one", async () => {
      const index = ['--index', 'user']
      const [first] = await jsonWith([CURRENT], 'list', '--by', 'ann', ...index)
      const { handle } = first
      expect((await store.findBy('ann')).map((each) => each.handle)).to.include(handle)
      expect(await jsonWith([CURRENT], 'end-by', 'ann', '--only', handle, ...index)).to.deep.equal({
        ended: 1,
      })
      await store.set(SID, data({ user: 'ann' }))
      await store.set('another id', data({ user: 'ann' }))
      expect(await jsonWith([CURRENT], 'end-by', 'ann', '--except', SID, ...index)).to.deep.equal({
        ended: 1,
      })
      expect(await store.exists(SID)).to.equal(true)
      expect(
        await jsonWith([CURRENT], 'end-by', 'ann', '--except', digest, ...index),
      ).to.deep.equal({ ended: 0 })
    })

    it('is told by doctor that keys look like digests', async () => {
      const of = checksIn(await runWith([CURRENT], 'doctor', '--json'))
      expect(of('keys').data).to.deep.equal({ looked: 2, digests: 2 })
      expect(of('keys').detail).to.include('hashKeys')
      expect(of('encryption')).to.include({ status: 'ok' })
    })
  })
})

interface Check {
  name: string
  status: string
  detail: string
  data: object
}

function checksIn({ stdout }: Outcome): (name: string) => Check {
  const { checks } = JSON.parse(stdout) as { checks: Check[] }
  return (name) => checks.find((each) => each.name === name) as Check
}

function passed({ status, stdout, stderr }: Outcome): string {
  expect(status, stderr).to.equal(0)
  return stdout
}
