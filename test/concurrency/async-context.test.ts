import { AsyncLocalStorage } from 'node:async_hooks'
import { expect } from 'chai'
import { Gate } from '../support/gate.ts'
import { type Data, data } from '../support/requests.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('what a store calls on behalf of a request', () => {
  const { client, makeStore } = useStores()

  it("runs in that request's async context, also when its write waits with others", async () => {
    const context = new AsyncLocalStorage<number>()
    const seen: [what: string, expected: unknown, context: unknown][] = []
    const note = (what: string, expected: unknown) =>
      seen.push([what, expected, context.getStore()])
    const gate = new Gate()
    const store = makeStore({
      client: gate.wrap(client),
      onConflict: (_base, theirs, ours) => {
        note('onConflict', (ours as Data).who)
        return { ...theirs, ...ours }
      },
    })
    await store.set(SID, data())
    const who = [1, 2, 3, 4, 5]
    const sessions = (await Promise.all(who.map(() => store.get(SID)))) as Data[]
    gate.close()
    const ended = who.map((i) =>
      context.run(i, async () => {
        await store.set(SID, Object.assign(sessions[i - 1] as Data, { who: i, [`n${i}`]: i }))
        note('after set', i)
        await store.update(SID, () => void note('change', i))
        note('after update', i)
        await new Promise<void>((resolve) => {
          store.get(SID, () => resolve(void note('callback of get', i)))
        })
      }),
    )
    await gate.holds(1)
    await gate.open()
    await Promise.all(ended)
    expect(seen.filter(([what]) => what === 'onConflict')).to.have.length(4)
    expect(seen).to.have.length(4 + 4 * who.length)
    for (const [what, expected, context] of seen) expect(context, what).to.equal(expected)
  })
})
