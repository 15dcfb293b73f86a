import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { type Serializer, SolidisStore } from '../../lib/index.ts'
import { heldOf } from '../support/garbage.ts'
import { type Data, data } from '../support/requests.ts'
import { answerTo } from '../support/scripts.ts'
import { add } from '../support/two-sessions.ts'

const COUNT = 50
/** What has no more than this left is let go of: a few may still be on a stack. */
const LEFT_OVER = 5

/** Answers as if each key held the payload, and lived for a second. */
function replyTo(command: (string | Buffer)[], payload: () => Buffer): unknown {
  return answerTo(command.map(String), ([name]) => (name === 'GET' ? payload() : 1000))
}

/** Answers reads at once, and nothing that comes after `freeze`. */
function freezable() {
  let isFrozen = false
  return {
    freeze: () => {
      isFrozen = true
    },
    async send(commands: (string | Buffer)[][]): Promise<unknown[][]> {
      if (isFrozen) return new Promise(() => {})
      return commands.map((command) => [replyTo(command, () => Buffer.from('{"cookie":{}}'))])
    },
  }
}

describe('what a caller was told', () => {
  const never = () => new Promise<never>(() => {})
  const calls: [
    string,
    (store: SolidisStore, sid: string, done: () => void, session: Data) => void,
  ][] = [
    ['get', (store, sid, done) => store.get(sid, done)],
    ['set', (store, sid, done) => store.set(sid, data(), done)],
    ['a set of what get gave', (store, _sid, done, session) => store.set('1', session, done)],
    ['destroy', (store, sid, done) => store.destroy(sid, done)],
    ['touch', (store, sid, done, session) => store.touch(sid, session, done)],
    ['exists', (store, sid, done) => store.exists(sid, done)],
    ['update', (store, sid, done) => store.update(sid, add, done)],
    ['get, of one session', (store, _sid, done) => store.get('1', done)],
    ['destroy, of one session', (store, _sid, done) => store.destroy('1', done)],
    ['update, of one session', (store, _sid, done) => store.update('1', add, done)],
    ['all', (store, _sid, done) => store.all(done)],
  ]
  for (const [name, call] of calls) {
    it(`is let go of, though the client never answers: ${name}`, async () => {
      const client = freezable()
      const store = new SolidisStore({ client, timeout: 20 })
      const sessions = await Promise.all(
        Array.from({ length: COUNT }, async () => (await store.get('1')) as Data),
      )
      client.freeze()
      const requests: WeakRef<object>[] = []
      let told = 0
      const begin = (i: number) => {
        const request = { error: undefined as unknown }
        requests.push(new WeakRef(request))
        call(
          store,
          String(i),
          ((error: unknown) => {
            request.error = error
            told++
          }) as () => void,
          sessions.pop() as Data,
        )
      }
      // Of each two, one is sent alone, and one in a batch.
      for (let i = 0; i < COUNT; i++) {
        begin(i)
        if (i % 2 === 1) await turn()
      }
      while (told < COUNT) await turn()
      expect(await heldOf(requests)).to.be.at.most(LEFT_OVER)
    })
  }

  for (const [name, serializer] of [
    ['writes', { parse: JSON.parse, stringify: never }],
    ['reads', { parse: never, stringify: JSON.stringify }],
  ] as [string, Serializer][]) {
    it(`is let go of, though a serializer that ${name} never ends`, async () => {
      const store = new SolidisStore({ client: freezable(), timeout: 20, serializer })
      const requests: WeakRef<object>[] = []
      let told = 0
      const begin = (i: number) => {
        const request = { error: undefined as unknown }
        requests.push(new WeakRef(request))
        const done = (error: unknown) => {
          request.error = error
          told++
        }
        if (name === 'reads') store.get(String(i), done)
        else store.set(String(i), data(), done)
      }
      for (let i = 0; i < COUNT; i++) begin(i)
      while (told < COUNT) await turn()
      expect(await heldOf(requests)).to.be.at.most(LEFT_OVER)
    })
  }
})

describe('a session that is held for long', () => {
  it('keeps nothing of what the client has read into', async () => {
    const buffers: WeakRef<object>[] = []
    const client = {
      async send(commands: (string | Buffer)[][]) {
        const payloadOf = () => {
          const payload = Buffer.from(`{"cookie":{},"text":"${'x'.repeat(1000)}"}`)
          buffers.push(new WeakRef(payload), new WeakRef(payload.buffer))
          return payload
        }
        return commands.map((command) => [replyTo(command, payloadOf)])
      },
    }
    const store = new SolidisStore({ client })
    const sessions: (SessionData | null)[] = []
    // Of each two, one is read by a script, and one by GET.
    while (sessions.length < COUNT) {
      sessions.push(...(await Promise.all([store.get('1'), store.get('1')])))
      await turn()
    }
    expect(buffers).to.have.length(2 * COUNT)
    // Small buffers share one that Node keeps.
    expect(await heldOf(buffers.filter((_, i) => i % 2 === 0))).to.be.at.most(LEFT_OVER)
    expect(sessions.every((session) => session?.cookie)).to.equal(true)
  })
})
