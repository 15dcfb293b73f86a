import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type * as Library from '../../lib/index.ts'
import * as sources from '../../lib/index.ts'
import {
  InvalidSessionError,
  RedisError,
  SessionConflictError,
  SolidisStore,
} from '../../lib/index.ts'
import { ensureBuilt } from '../support/built.ts'
import { rejection } from '../support/calls.ts'
import { type Data, data } from '../support/requests.ts'
import { failingClient, stubClient } from '../support/stub.ts'

const NAMES = ['RedisError', 'SessionConflictError', 'InvalidSessionError'] as const

/** One error of each class, as a store of this build gives it. */
async function errorsOf({ SolidisStore }: typeof Library): Promise<Error[]> {
  const failing = new SolidisStore({ client: failingClient(new Error('down')) })
  let stored = data({ secret: 'the-payload' })
  const client = stubClient(([name]) => {
    if (name === 'GET') return Buffer.from(JSON.stringify(stored))
    return name === 'PTTL' ? 60_000 : Buffer.from(JSON.stringify(stored))
  })
  const store = new SolidisStore({ client, onConflict: 'reject' })
  const ours = (await store.get('the-sid')) as Data
  stored = data({ secret: 'changed' })
  const conflict = await rejection(store.set('the-sid', Object.assign(ours, { a: 1 })))
  const invalid: Error[] = []
  store.on('invalid', ({ error }) => invalid.push(error))
  stored = 'the-payload' as never
  await store.get('the-sid')
  return [await rejection(failing.get('the-sid')), conflict, ...invalid]
}

describe('errors', () => {
  const builds = new Map<string, typeof Library>([['the sources', sources]])

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    builds.set('the ES module', await import(pathToFileURL(resolve('dist/esm/index.js')).href))
    builds.set('CommonJS', createRequire(import.meta.url)(resolve('dist/cjs/index.js')))
  })

  it('are instances of their own class alone, whichever build they and it come from', async () => {
    expect(builds.size).to.equal(3)
    for (const [from, build] of builds) {
      const errors = await errorsOf(build)
      expect(errors.map(({ name }) => name)).to.deep.equal(NAMES)
      for (const [to, other] of builds) {
        for (const [i, error] of errors.entries()) {
          const known = NAMES.filter((name) => error instanceof other[name])
          expect(known, `${NAMES[i]} of ${from} in ${to}`).to.deep.equal([NAMES[i]])
          expect(error).to.be.an.instanceof(Error)
        }
      }
    }
  })

  it('are known though a bundler has shortened the names of classes', async () => {
    const [error] = await errorsOf(sources)
    try {
      Object.defineProperty(RedisError, 'name', { value: 'a' })
      expect(error instanceof RedisError).to.equal(true)
      expect(error?.name).to.equal('RedisError')
    } finally {
      Object.defineProperty(RedisError, 'name', { value: 'RedisError' })
    }
  })

  it('may have subclasses, of which they are no instances', () => {
    class Mine extends RedisError {}
    const [mine, theirs] = [new Mine('GET', 'why'), new RedisError('GET', 'why')]
    expect([mine instanceof Mine, theirs instanceof Mine]).to.deep.equal([true, false])
    expect(mine).to.be.an.instanceof(RedisError)
  })

  it('are no instances of what is no error of the store', () => {
    for (const other of [
      new Error('RedisError'),
      { name: 'RedisError' },
      null,
      undefined,
      'text',
    ]) {
      for (const known of [RedisError, SessionConflictError, InvalidSessionError]) {
        expect(other instanceof known).to.equal(false)
      }
    }
  })

  it('have a code each', async () => {
    const codes = (await errorsOf(sources)).map((error) => (error as { code?: string }).code)
    expect(codes).to.deep.equal(['EREDIS', 'ECONFLICT', 'EINVALIDSESSION'])
  })

  it('show neither session nor id in a log', async () => {
    for (const error of await errorsOf(sources)) {
      const shown = inspect(error, { depth: 10 }) + JSON.stringify(error) + String(error)
      expect(shown)
        .to.include(error.name)
        .and.not.match(/the-sid|the-payload|changed"/)
    }
  })

  it('have the id of a conflict for who asks', async () => {
    const [, conflict] = await errorsOf(sources)
    expect((conflict as SessionConflictError).sid).to.equal('the-sid')
    expect(Object.keys(conflict as Error)).not.to.include('sid')
  })
})

describe('what a store shows of itself', () => {
  it('is its prefix, and neither sessions nor the password of its client', async () => {
    const client = Object.assign(
      stubClient(() => new Promise(() => {})),
      { password: 'hunter2' },
    )
    const store = new SolidisStore({ client, prefix: 'app:' })
    store.set('the-sid', data({ secret: 'the-payload' }), () => {})
    for (const shown of [inspect(store), inspect({ store }, { depth: 10 })]) {
      expect(shown).to.include("SolidisStore { prefix: 'app:' }")
      expect(shown).not.to.match(/the-sid|the-payload|hunter2/)
    }
  })
})
