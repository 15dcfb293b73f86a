import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import type { Server } from '../faults/server.ts'
import { rejection } from '../support/calls.ts'
import { startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { freshPrefix } from '../support/redis.ts'
import { data } from '../support/requests.ts'
import { clusterKinds } from './clients.ts'
import { keyOn } from './shards.ts'

const TIMEOUT_MS = 300

describe('while one node of a cluster does not answer', function () {
  this.timeout(30_000)

  for (const kind of clusterKinds) {
    describe(`over ${kind.name}`, () => {
      let cluster: Awaited<ReturnType<typeof startCluster>>
      let store: SolidisStore
      let close: () => void
      let frozen: Server
      let [away, there]: string[] = []

      before(async () => {
        cluster = await startCluster(3, 1)
        const tested = await kind.connect(cluster)
        close = tested.close
        const prefix = freshPrefix()
        store = new SolidisStore({ client: tested.client, prefix, timeout: TIMEOUT_MS })
        ;[away, there] = [0, 1].map((i) => keyOn(i, prefix).slice(prefix.length))
        for (const sid of [away, there]) await store.set(sid as string, data({ sid }))
        frozen = cluster.nodes[0] as Server
      })
      after(async () => {
        frozen.thaw()
        close()
        await cluster.stop()
      })

      async function setNodeTimeout(ms: number): Promise<void> {
        for (const node of cluster.nodes) {
          await node.ask('CONFIG', 'SET', 'cluster-node-timeout', String(ms))
        }
      }

      /** Gives what becomes of calls to the other nodes meanwhile. */
      function askOthers() {
        const codes = new Set<unknown>()
        let isOver = false
        const asking = (async () => {
          while (!isOver) {
            const { code } = await store.get(there as string).then(
              (session) => ({ code: session === null ? 'gone' : 'answered' }),
              (error) => error,
            )
            codes.add(code)
            await sleep(5)
          }
          return [...codes]
        })()
        return () => {
          isOver = true
          return asking
        }
      }

      it('calls to it fail at once, and those to others are answered', async () => {
        // The others do not mind yet that a node is gone for so short a time.
        await setNodeTimeout(60_000)
        const states: string[] = []
        store.on('breaker', ({ state }) => states.push(state))
        frozen.freeze()
        const stopAsking = askOthers()
        await eventually(
          async () => (await rejection(store.get(away as string))).code === 'EBREAKER',
        )
        expect(store.state).not.to.equal('closed')
        for (let i = 0; i < 20; i++) {
          const before = performance.now()
          expect(await rejection(store.get(away as string))).to.include({ code: 'EBREAKER' })
          expect(performance.now() - before).to.be.lessThan(TIMEOUT_MS)
        }
        expect(await rejection(store.all())).to.have.property('code')
        frozen.thaw()
        await eventually(async () => store.state === 'closed')
        expect(await store.get(away as string)).to.include({ sid: away })
        expect(await stopAsking()).to.deep.equal(['answered'])
        expect(await store.length()).to.equal(2)
        expect(states[0]).to.equal('open')
        expect(states.at(-1)).to.equal('closed')
        await setNodeTimeout(1000)
      })

      it('its replica takes over, and is found', async () => {
        await frozen.ask('WAIT', '1', '0')
        frozen.freeze()
        await eventually(
          async () => (await rejection(store.get(away as string))).code === 'EBREAKER',
        )
        const replica = cluster.nodes[3] as Server
        await eventually(async () => String(await replica.ask('ROLE')).startsWith('master'))
        await eventually(async () => (await store.get(away as string).catch(() => null)) !== null)
        await eventually(async () => store.state === 'closed')
        expect(await store.length()).to.equal(2)
        expect((await store.ids()).sort()).to.deep.equal([away, there].sort())
      })
    })
  }
})
