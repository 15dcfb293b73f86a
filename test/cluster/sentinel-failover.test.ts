import type { Server } from '../faults/server.ts'
import { startSentinel } from '../support/sentinel.ts'
import { sentinelKinds } from './clients.ts'
import { failOver } from './failover.ts'

describe('when a master that sentinels watch dies under load', () => {
  for (const kind of sentinelKinds) {
    it(`nothing is lost that was replicated, over ${kind.name}`, async () => {
      const sentinel = await startSentinel(1, 3)
      const tested = await kind.connect(sentinel)
      const { master, replicas } = sentinel
      try {
        const shard = { master, replica: replicas[0] as Server, key: 'replicated' }
        await failOver(
          tested,
          [shard],
          () => 0,
          async () => {
            const [, port] = (await sentinel.ask('GET-MASTER-ADDR-BY-NAME')) as string[]
            return Number(port) === shard.replica.port
          },
        )
      } finally {
        tested.close()
        await sentinel.stop()
      }
    })
  }
})
