import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import { ensureBuilt } from '../support/built.ts'
import {
  CLIENT_NAMES,
  noTerminal,
  type Outcome,
  runCli,
  runInTerminal,
  stallAt,
} from '../support/cli.ts'
import { clientKinds, mainKind, type TestClient } from '../support/clients.ts'
import { freshPrefix, urlOf } from '../support/redis.ts'
import { ask, data, ONE_HOUR_MS } from '../support/requests.ts'

const SESSIONS = 12

describe('the operator of many sessions', function () {
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
  after(() => connection.close())

  /** Of three users; those with a higher number end later. */
  beforeEach(async () => {
    prefix = freshPrefix()
    store = new SolidisStore({ client: connection.client, prefix, indexBy } as never)
    await Promise.all(
      sids().map((sid, i) => {
        const session = data({ passport: { user: i % 3 }, secret: 'the payload' })
        const expires = new Date(Date.now() + ONE_HOUR_MS + i * 60_000)
        return store.set(sid, { ...session, cookie: { ...session.cookie, expires } } as never)
      }),
    )
  })

  const run = (...args: string[]) => runCli([...args, '--prefix', prefix])
  const jsonOf = async (...args: string[]) => JSON.parse(passed(await run(...args, '--json')))

  for (const kind of clientKinds) {
    const name = CLIENT_NAMES[kind.name] ?? kind.name
    const missing = kind.missing === undefined ? '' : `: ${kind.missing}`
    const test = missing === '' ? it : it.skip

    test(`counts, lists and clears over ${kind.name}${missing}`, async () => {
      const [counted, listed] = await Promise.all([
        jsonOf('count', '--client', name),
        jsonOf('list', '--client', name),
      ])
      expect(counted).to.deep.equal({ count: SESSIONS })
      expect(listed).to.have.length(SESSIONS)
      expect(Object.keys(listed[0])).to.deep.equal(['handle', 'expiresAt'])
      expect(new Set(listed.map((each: { handle: string }) => each.handle)).size).to.equal(SESSIONS)
      expect(await jsonOf('clear', '--yes', '--client', name)).to.deep.equal({ ended: SESSIONS })
      expect(await store.length()).to.equal(0)
    })
  }

  it('sees neither ids nor payloads, unless asked', async () => {
    for (const args of [['list'], ['list', '--json'], ['doctor'], ['doctor', '--json']]) {
      const { stdout, stderr } = await run(...args)
      expect(stdout + stderr).not.to.match(/sid-|the payload/)
    }
    const lines = passed(await run('list', '--sids'))
      .trimEnd()
      .split('\n')
    expect(lines.map((line) => line.split('\t')[0]).sort()).to.deep.equal(sids().sort())
    for (const line of lines) expect(line).to.match(/\t\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })

  it('sees as many as wanted, and is told of more', async () => {
    const [some, all] = await Promise.all([
      run('list', '--limit', '5'),
      run('list', '--limit', `${SESSIONS}`),
    ])
    expect(some.stdout.trimEnd().split('\n')).to.have.length(5)
    expect(some.stderr).to.include('more than these 5')
    expect(all).to.include({ status: 0, stderr: '' })
  })

  it('finds sessions by handle', async () => {
    const [{ handle, sid }] = await jsonOf('list', '--sids', '--limit', '1')
    expect((await jsonOf('show', handle, '--sids')).sid).to.equal(sid)
    expect(await jsonOf('end', handle)).to.deep.equal({ ended: 1 })
    expect(await store.exists(sid)).to.equal(false)
    expect(await run('end', handle)).to.include({ status: 1, stderr: 'No such session.\n' })
  })

  describe('with an index', () => {
    const index = ['--index', 'passport.user']

    it('lists the sessions of a user, newest first', async () => {
      const listed = await jsonOf('list', '--by', '2', '--sids', ...index)
      expect(listed.map((each: { sid: string }) => each.sid)).to.deep.equal(
        [11, 8, 5, 2].map((i) => `sid-${i}`),
      )
      expect(await jsonOf('list', '--by', 'nobody', ...index)).to.deep.equal([])
    })

    it('shows whose each session is', async () => {
      const listed: { value: string }[] = await jsonOf('list', ...index)
      const ofOne = listed.filter(({ value }) => value === '1')
      expect(ofOne).to.have.length(SESSIONS / 3)
    })

    it('ends one, all but one, and all of a user', async () => {
      const [newest, { handle }] = await jsonOf('list', '--by', '2', '--sids', ...index)
      expect(passed(await run('end-by', '2', '--only', handle, ...index))).to.equal(
        '1 session ended\n',
      )
      expect(await jsonOf('end-by', '2', '--except', newest.sid, ...index)).to.deep.equal({
        ended: 2,
      })
      expect(await jsonOf('end-by', '2', ...index)).to.deep.equal({ ended: 1 })
      expect(await jsonOf('end-by', '2', ...index)).to.deep.equal({ ended: 0 })
      expect(await store.length()).to.equal(SESSIONS - 4)
    })

    it('indexes what was there before', async () => {
      const before = new SolidisStore({ client: connection.client, prefix })
      await before.set('sid-old', data({ passport: { user: 'old' } }))
      expect(await jsonOf('reindex', ...index)).to.deep.equal({ indexed: SESSIONS + 1 })
      const [{ sid }] = await jsonOf('list', '--by', 'old', '--sids', ...index)
      expect(sid).to.equal('sid-old')
    })

    it('takes nothing out of it by a wrong attribute', async () => {
      const wrong = ['--index', 'secret']
      // Less the marks of writes that are settled by and by.
      const entries = () => ask(connection.client, 'ZCOUNT', `by:${prefix}2`, '0', '+inf')
      expect(Number(await entries())).to.equal(4)
      const listed = await run('list', '--by', '2', '--json', ...wrong)
      expect(listed).to.deep.include({ status: 0, stdout: '[]\n' })
      expect(listed.stderr).to.include('The index has 4 sessions of this value, but by secret none')
      const ended = await run('end-by', '2', ...wrong)
      expect(ended).to.include({ status: 1, stdout: '' })
      expect(ended.stderr).to.include("does --index say what the app's indexBy says?")
      const reindexed = await run('reindex', '--index', 'nothing')
      expect(reindexed).to.include({ status: 1, stdout: '0 sessions indexed\n' })
      expect(reindexed.stderr).to.include('Of 12 sessions none has nothing')
      // Some have what is listed as that of others.
      const other = data({ passport: { user: 'x' }, tenant: 2 })
      await store.set('sid-other', other)
      await run('doctor', '--index', 'tenant')
      expect(Number(await entries())).to.equal(4)
      expect(await jsonOf('end-by', '2', ...index)).to.deep.equal({ ended: 4 })
      expect(await jsonOf('end-by', '2', ...index)).to.deep.equal({ ended: 0 })
    })

    it('is told by doctor whether sessions are in it', async () => {
      const { checks } = await jsonOf('doctor', ...index)
      expect(named(checks, 'index').data).to.deep.equal({
        having: SESSIONS,
        lookedUp: SESSIONS,
        missing: 0,
      })
      const { checks: wrong } = await jsonOf('doctor', '--index', 'user')
      expect(named(wrong, 'index')).to.include({ status: 'warning' })
    })
  })

  describe('that asks the doctor', () => {
    it('is told how things are, and nothing is left behind', async () => {
      const { ok, checks, histogram } = await jsonOf('doctor')
      expect(ok).to.equal(true)
      expect(named(checks, 'server').data)
        .to.have.property('version')
        .that.matches(/^\d+\.\d+/)
      expect(named(checks, 'eviction policy').data).to.have.property('policy')
      expect(named(checks, 'evicted keys').data).to.have.property('evicted').that.is.a('number')
      expect(named(checks, 'database').data).to.include({ database: 0 })
      expect(named(checks, 'rights')).to.include({ status: 'ok' })
      const { differenceMs } = named(checks, 'clock difference').data as { differenceMs: number }
      expect(differenceMs).to.be.a('number')
      const sizes = named(checks, 'session sizes').data as Record<string, number>
      expect(sizes.sampled).to.equal(SESSIONS)
      expect(sizes.min).to.be.at.most(sizes.median as number)
      expect(sizes.median).to.be.at.most(sizes.max as number)
      const total = histogram.reduce(
        (sum: number, each: { sessions: number }) => sum + each.sessions,
        0,
      )
      expect(total).to.equal(SESSIONS)
      expect(await store.length()).to.equal(SESSIONS)
    })

    it('is told what is not permitted, with the exit code of a failure', async () => {
      const user = `doctor${process.pid}`
      const rights = '+get +set +scan +exists +evalsha +eval +time +pexpire +unlink +client +hello'
      await ask(
        connection.client,
        'ACL',
        'SETUSER',
        user,
        'reset',
        'on',
        '>secret',
        '~*',
        ...rights.split(' '),
      )
      const url = urlOf(user, 'secret')
      const { status, stdout } = await run('doctor', '--url', url, '--client', 'redis', '--json')
      await ask(connection.client, 'ACL', 'DELUSER', user)
      expect(status).to.equal(1)
      const { ok, checks } = JSON.parse(stdout)
      expect(ok).to.equal(false)
      expect(named(checks, 'server')).to.include({ status: 'unknown' })
      const rightsCheck = named(checks, 'rights')
      expect(rightsCheck).to.include({ status: 'failed' })
      expect(rightsCheck.detail).to.match(/pttl/i).and.match(/ECHO/)
    })

    it('is told of keys that hold no session', async () => {
      await ask(connection.client, 'SET', `${prefix}odd`, 'no JSON')
      const { checks } = await jsonOf('doctor')
      expect(named(checks, 'readable')).to.deep.include({
        status: 'warning',
        data: { unreadable: 1, codec: 0 },
      })
      expect((await run('list')).stderr).to.include('Left out: 1 of the keys')
    })
  })

  describe('who interrupts it', () => {
    it('is not kept waiting, and finds the exit code of the signal', async () => {
      const signals = [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const
      await Promise.all(
        signals.map(async ([signal, status]) => {
          let pid = 0
          const stall = await stallAt('SCAN', () => process.kill(pid, signal))
          const outcome = await runCli(['count', '--prefix', prefix], {
            env: { REDIS_URL: stall.url },
            began: (of) => {
              pid = of
            },
          })
          stall.close()
          expect(outcome).to.deep.equal({ status, stdout: '', stderr: 'Interrupted.\n' })
        }),
      )
    })
  })

  describe('in a terminal', () => {
    before(function () {
      if (noTerminal !== undefined) this.skip()
    })

    it('is asked before all sessions end', async () => {
      const args = ['clear', '--prefix', prefix]
      const [no, stopped] = await Promise.all([
        runInTerminal(args, [['[y/N] ', 'n\r']]),
        runInTerminal(args, [['[y/N] ', '\u0003']]),
      ])
      expect(no.shown)
        .to.include(`End all 12 sessions (${prefix} at`)
        .and.include('Nothing was ended')
      expect(no.status).to.equal(1)
      expect(stopped.shown).to.include('Interrupted.')
      expect(stopped.status).to.equal(130)
      expect(await store.length()).to.equal(SESSIONS)
      const yes = await runInTerminal(args, [['[y/N] ', 'y\r']])
      expect(yes.shown).to.include('12 sessions ended')
      expect(yes.status).to.equal(0)
      expect(await store.length()).to.equal(0)
    })

    it('sees tables and bars, and no bar afterwards', async () => {
      const { status, shown } = await runInTerminal(['list', '--prefix', prefix])
      expect(status).to.equal(0)
      expect(shown).to.include('Listing').and.include('│ \u001b[1mhandle').and.include('in 60 min')
      expect(shown).to.include('12 sessions')
      // The line of the bar is cleared, and the cursor is shown again.
      expect(shown.lastIndexOf('\u001b[2K')).to.be.above(shown.lastIndexOf('Listing'))
      expect(shown.lastIndexOf('\u001b[?25h')).to.be.above(shown.lastIndexOf('\u001b[?25l'))
    })

    it('sees the checks of doctor in color, unless NO_COLOR says otherwise', async () => {
      const args = ['doctor', '--prefix', prefix]
      const [colored, plain] = await Promise.all([
        runInTerminal(args),
        runInTerminal(args, [], { NO_COLOR: '1' }),
      ])
      expect(colored.shown).to.include('\u001b[32mok\u001b[39m').and.include('██')
      expect(plain.shown).to.match(/│ rights +│ ok +│/)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colors are made of
      expect(plain.shown).not.to.match(/\u001b\[\d*m/)
    })

    it('can stop long work', async () => {
      const stall = await stallAt('SCAN')
      const args = ['count', '--url', stall.url, '--prefix', prefix]
      const { status, shown } = await runInTerminal(args, [['Counting', '\u0003']])
      stall.close()
      expect(status).to.equal(130)
      expect(shown).to.include('Interrupted.')
      expect(shown.lastIndexOf('\u001b[?25h')).to.be.above(shown.lastIndexOf('\u001b[?25l'))
    })
  })
})

function sids(): string[] {
  return Array.from({ length: SESSIONS }, (_, i) => `sid-${i}`)
}

function indexBy(session: { passport?: { user?: unknown } }): string | undefined {
  const user = session.passport?.user
  return user === undefined ? undefined : String(user)
}

interface Check {
  name: string
  status: string
  detail: string
  data?: object
}

function named(checks: Check[], name: string): Check {
  const check = checks.find((each) => each.name === name)
  if (check === undefined) throw new Error(`There is no check ${name}`)
  return check
}

function passed({ status, stdout, stderr }: Outcome): string {
  expect(status, stderr).to.equal(0)
  return stdout
}
