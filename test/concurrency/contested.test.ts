import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import { SessionConflictError, type SolidisLike } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { withoutNative } from '../support/native.ts'
import { ask, data, save, stored } from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('a session that changes at every attempt', () => {
  const { client, key, put, twoSessions } = useStores()

  beforeEach(() => {
    // No waiting between the attempts.
    sinon.stub(Math, 'random').returns(0)
  })

  afterEach(() => sinon.restore())

  /** Lets another request change the session before each write. */
  function contested(): SolidisLike & { writes: number } {
    return {
      writes: 0,
      async send(commands) {
        if (!commands.every(isRead)) {
          const text = JSON.stringify(data({ theirs: this.writes++ }))
          await ask(client, 'SET', key(), put(text))
        }
        return client.send(commands)
      },
    }
  }

  it('is given up by set, with the sid', async () => {
    const contestedClient = contested()
    const { store, ours } = await twoSessions({ a: 1 }, { client: withoutNative(contestedClient) })
    const error = await rejection(save(Object.assign(ours, { a: 2 })))
    expect(error).to.be.an.instanceof(SessionConflictError)
    expect(error.sid).to.equal(SID)
    expect((Math.random as sinon.SinonStub).called, 'waits for a random time').to.equal(true)
    const { writes } = contestedClient
    expect(writes).to.be.at.least(64)
    expect(await stored(store, SID)).to.deep.equal({ theirs: writes - 1 })
    const again = await rejection(save(Object.assign(ours, { a: 3 })))
    expect(again, 'the queue goes on').to.be.an.instanceof(SessionConflictError)
    expect(contestedClient.writes).to.be.above(writes)
  })

  it('is given up by update, with the sid', async () => {
    const contestedClient = contested()
    const { store } = await twoSessions({ a: 1 }, { client: withoutNative(contestedClient) })
    const writesBefore = contestedClient.writes
    const change = sinon.spy((session: SessionData) => void Object.assign(session, { a: 2 }))
    const error = await rejection(store.update(SID, change))
    expect(error).to.be.an.instanceof(SessionConflictError)
    expect(error.sid).to.equal(SID)
    expect(change.callCount)
      .to.equal(contestedClient.writes - writesBefore)
      .and.be.at.least(64)
  })
})
