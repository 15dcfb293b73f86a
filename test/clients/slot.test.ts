import { expect } from 'chai'
import { slotOf } from '../../lib/clients/slot.ts'
import { startCluster } from '../support/cluster.ts'

describe('the slot of a key', () => {
  it('is what Redis says', async () => {
    const cluster = await startCluster(1)
    try {
      for (const key of [
        ...['', 'a', 'sess:0123456789abcdefghijklmnop_-', 'Zoë 你好 🎉'],
        ...['{user}:1', 'a{user}b', '{}a', 'a{}{b}', '{a', 'a}b', '}a{b}', '{{a}}', 'a{b}{c}'],
      ]) {
        const slot = await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', key)
        expect(slotOf(key), key).to.equal(slot)
        expect(slotOf(Buffer.from(key)), key).to.equal(slot)
      }
    } finally {
      await cluster.stop()
    }
  })
})
