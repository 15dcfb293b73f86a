import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import { ensureBuilt } from '../support/built.ts'
import { CLIENT_NAMES, noTerminal, runCli, runInTerminal } from '../support/cli.ts'
import { clientKinds, mainKind, type TestClient } from '../support/clients.ts'
import { freshPrefix, urlOf } from '../support/redis.ts'
import { ask, data } from '../support/requests.ts'

const SID = 'an-id-that-nobody-is-to-see'
/** What a session contains that takes over terminals. */
const EVIL = '\u001b]0;owned\u0007\u001b[2J'

describe('the operator', function () {
  // Each call is a process.
  this.timeout(30_000)

  let connection: TestClient
  let prefix: string
  let store: SolidisStore

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    connection = await mainKind.connect()
  })
  beforeEach(async () => {
    prefix = freshPrefix()
    store = new SolidisStore({ client: connection.client, prefix })
    await store.set(SID, data({ user: 'ann', [EVIL]: 1, secret: `the payload ${EVIL}` }))
  })
  after(() => connection.close())

  const run = (...args: string[]) => runCli([...args, '--prefix', prefix])

  for (const kind of clientKinds) {
    const name = CLIENT_NAMES[kind.name] ?? kind.name
    const missing = kind.missing === undefined ? '' : `: ${kind.missing}`
    const test = missing === '' ? it : it.skip

    test(`shows and ends a session over ${kind.name}${missing}`, async () => {
      const shown = await run('show', SID, '--json', '--client', name)
      expect(shown).to.include({ status: 0, stderr: '' })
      const { handle, expiresAt, attributes, bytes, ...rest } = JSON.parse(shown.stdout)
      expect(rest).to.deep.equal({})
      expect(handle).to.equal(digest(SID))
      expect(new Date(expiresAt).getTime()).to.be.above(Date.now())
      expect(attributes.map((each: { name: string }) => each.name)).to.include.members([
        'user',
        EVIL,
      ])
      expect(attributes).to.deep.include({ name: 'user', bytes: 5 })
      expect(bytes).to.be.above(100)

      expect(await run('end', SID, '--client', name)).to.deep.equal({
        status: 0,
        stdout: '1 session ended\n',
        stderr: '',
      })
      expect(await store.exists(SID)).to.equal(false)
    })
  }

  it('sees neither ids nor payloads unless asked', async () => {
    const asked = ['show', SID, '--payload', '--sids']
    const [plain, shown, json] = await Promise.all([
      run('show', SID),
      run(...asked),
      run(...asked, '--json'),
    ])
    expect(plain.stdout).to.include('user').and.not.to.include('ann').and.not.include(SID)
    expect(shown.stdout).to.include('"user": "ann"').and.include(SID)
    const { session, sid } = JSON.parse(json.stdout)
    expect(session).to.deep.include({ user: 'ann' })
    expect(sid).to.equal(SID)
  })

  it('is told of a session that never ends, and of one whose cookie has no date', async () => {
    const forever = new SolidisStore({ client: connection.client, prefix, disableTTL: true })
    await forever.set('forever', data())
    await store.set('browser', { cookie: { originalMaxAge: null } } as never)
    expect(JSON.parse((await run('show', 'forever', '--json')).stdout).expiresAt).to.equal(null)
    const { expiresAt } = JSON.parse((await run('show', 'browser', '--json')).stdout)
    expect(new Date(expiresAt).getTime()).to.be.above(Date.now() + 80_000_000)
  })

  it('finds ids that begin with a dash', async () => {
    const sid = '-hVXabcdefghijklmnopqrstuvwxyz12'
    await store.set(sid, data())
    expect(await run('show', sid, '--sids')).to.deep.include({ status: 0, stderr: '' })
    expect(await run('end', sid)).to.include({ status: 0, stdout: '1 session ended\n' })
  })

  it('is told by the exit code, and in words, what is not there', async () => {
    for (const command of ['show', 'end']) {
      const { status, stdout, stderr } = await run(command, 'nobody')
      expect({ status, stdout, stderr }).to.deep.equal({
        status: 1,
        stdout: '',
        stderr: 'No such session.\n',
      })
    }
    expect(JSON.parse((await run('show', 'nobody', '--json')).stdout)).to.equal(null)
    expect(JSON.parse((await run('end', 'nobody', '--json')).stdout)).to.deep.equal({ ended: 0 })
  })

  it('is told of what is there but no session', async () => {
    await ask(connection.client, 'SET', `${prefix}odd`, 'no JSON')
    expect(await run('show', 'odd')).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'There is something, but no readable session.\n',
    })
  })

  const misuses: [args: string[], said: RegExp][] = [
    [[], /Usage: connect-solidis/],
    [['frobnicate'], /unknown command/],
    [['show'], /missing required argument 'sid'/],
    [['show', 'a', 'b'], /too many arguments/],
    [['show', 'a', '--frobnicate'], /unknown option/],
    [['show', 'a', '--client', 'memcached'], /solidis, redis, ioredis/],
    [['show', 'a', '--url', 'http://ann:hidden@localhost'], /--url: expected a URL like redis:/],
    [['list', '--limit', 'few'], /Expected a positive number/],
    [['list', '--by', 'ann'], /needs --index/],
    [['end-by', 'ann'], /needs --index/],
    [['reindex'], /needs --index/],
    [['reencrypt'], /needs the secrets of the app in SESSION_ENCRYPTION_SECRETS/],
    [['clear'], /add --yes/],
  ]
  it('is told what is wrong with what was written', async () => {
    await Promise.all(
      misuses.map(async ([args, said]) => {
        const { status, stdout, stderr } = await runCli(args)
        expect(stderr).to.match(said).and.not.include('hidden')
        expect({ status, stdout }, args.join(' ')).to.deep.equal({ status: 2, stdout: '' })
      }),
    )
  })

  it('gets help, for each command too', async () => {
    const [all, one, version] = await Promise.all([
      runCli(['--help']),
      runCli(['show', '--help']),
      runCli(['--version']),
    ])
    expect(all).to.include({ status: 0, stderr: '' })
    for (const each of [
      'count',
      'list',
      'show',
      'end',
      'end-by',
      'clear',
      'reindex',
      'reencrypt',
      'doctor',
    ]) {
      expect(all.stdout).to.match(new RegExp(`^  ${each} `, 'm'))
    }
    expect(all.stdout).to.include('SESSION_ENCRYPTION_SECRETS')
    expect(one.stdout).to.include('--payload').and.include('--url')
    expect(version.stdout).to.match(/^\d+\.\d+\.\d+\n$/)
  })

  it('is told at once that there is no Redis, over each client, without the password', async () => {
    const kinds = clientKinds.filter(({ missing }) => missing === undefined)
    const url = 'redis://ann:hidden@127.0.0.1:1/3'
    await Promise.all(
      kinds.map(async ({ name }) => {
        const args = ['show', SID, '--url', url, '--client', CLIENT_NAMES[name] ?? name]
        const { status, stdout, stderr } = await runCli(args)
        expect(stderr).to.match(/^Could not connect to redis:\/\/127.0.0.1:1\/3: .*ECONNREFUSED/)
        expect(stderr).not.to.include('hidden')
        expect({ status, stdout }).to.deep.equal({ status: 1, stdout: '' })
      }),
    )
  })

  it('is told what Redis refuses', async () => {
    const user = `cli${process.pid}`
    const rules = ['reset', 'on', '>secret', '~*', '+exists', '+info', '+client', '+hello']
    await ask(connection.client, 'ACL', 'SETUSER', user, ...rules)
    const url = urlOf(user, 'secret')
    const { status, stderr } = await run('show', SID, '--url', url, '--client', 'redis')
    await ask(connection.client, 'ACL', 'DELUSER', user)
    expect(stderr).to.match(/GET failed: NOPERM/)
    expect(status).to.equal(1)
  })

  describe('in a terminal', () => {
    before(function () {
      if (noTerminal !== undefined) this.skip()
    })

    it('sees tables, in which nothing of a session moves the cursor', async () => {
      const args = ['show', SID, '--prefix', prefix, '--payload']
      const { status, shown } = await runInTerminal(args)
      expect(status).to.equal(0)
      expect(shown).to.include('┌').and.include('│ user').and.include('in 59 min')
      expect(shown).to.include('\u001b[1mattribute\u001b[22m')
      expect(shown).to.include('\\u{1b}[2J').and.not.include('\u001b[2J')
      expect(shown).not.to.include('\u0007')
    })

    it('sees no colors with NO_COLOR', async () => {
      const args = ['show', SID, '--prefix', prefix]
      const { status, shown } = await runInTerminal(args, [], { NO_COLOR: '1' })
      expect(status).to.equal(0)
      expect(shown).to.include('│ attribute').and.not.include('\u001b[')
    })
  })
})

describe('npx connect-solidis', function () {
  this.timeout(30_000)

  const launcher = resolve('bin/connect-solidis.js')

  it('runs the command where it is installed', async () => {
    const { status, stdout } = await runCli(['--version'], { file: launcher })
    expect(status).to.equal(0)
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/)
  })

  it('says what to install where it is not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-cli-'))
    const alone = join(folder, 'connect-solidis.mjs')
    copyFileSync(launcher, alone)
    const { status, stdout, stderr } = await runCli(['count'], { file: alone, cwd: folder })
    rmSync(folder, { recursive: true })
    expect(stderr).to.include('npm install --save-dev connect-solidis-cli')
    expect({ status, stdout }).to.deep.equal({ status: 2, stdout: '' })
  })
})

function digest(sid: string): string {
  return createHash('sha256').update(sid).digest('base64url').slice(0, 22)
}
