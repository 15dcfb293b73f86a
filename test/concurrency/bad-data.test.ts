import { expect } from 'chai'
import { InvalidSessionError, RedisError, type SolidisLike } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { withoutNative } from '../support/native.ts'
import { ask, save, stored } from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

describe('a session that cannot be written', () => {
  const { client, key, twoSessions } = useStores()

  it('reports what Redis refuses, and writes what it refused at the next try', async () => {
    let refusal: Error | undefined
    const refusing: SolidisLike = {
      send: async (commands) =>
        refusal && !commands.every(isRead) ? [[refusal]] : client.send(commands),
    }
    const { store, ours } = await twoSessions({ a: 1 }, { client: withoutNative(refusing) })
    refusal = new Error('OOM command not allowed')
    const error = await rejection(save(Object.assign(ours, { a: 2 })))
    expect(error).to.be.an.instanceof(RedisError)
    expect((error as RedisError).code).to.equal('OOM')
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    refusal = undefined
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: overwrites nothing that is no text, and tells of it`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      const invalid = heard<{ sid: string; error: RedisError }>(store, 'invalid')
      await store.destroy(SID)
      await ask(client, 'RPUSH', key(), 'no session')
      await save(Object.assign(ours, { a: 2 }))
      expect(await store.update(SID, (session) => void Object.assign(session, { a: 3 }))).to.equal(
        null,
      )
      expect(invalid.map(({ sid, error }) => [sid, error.code])).to.deep.equal([
        [SID, 'WRONGTYPE'],
        [SID, 'WRONGTYPE'],
      ])
      expect(await ask(client, 'LLEN', key())).to.equal(1)
    })
  }

  for (const corrupt of ['{', '"text"', 'null', '{"no":"cookie"}']) {
    it(`overwrites nothing where another has put ${corrupt}, and tells of it`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 })
      const invalid = heard<{ sid: string; error: Error }>(store, 'invalid')
      await ask(client, 'SET', key(), corrupt)
      await Promise.all([
        save(Object.assign(theirs, { a: 2 })),
        save(Object.assign(ours, { b: 3 })),
      ])
      expect(String(await ask(client, 'GET', key()))).to.equal(corrupt)
      expect(invalid.map(({ sid }) => sid)).to.deep.equal([SID, SID])
      for (const { error } of invalid) expect(error).to.be.an.instanceof(InvalidSessionError)
    })
  }
})
