import { slotOf } from '../../lib/clients/slot.ts'

/** The number of the master that has a key, of three with a third of the slots each. */
export function shardOf(key: string): number {
  return Math.floor((slotOf(key) * 3) / 16384)
}

/** A key that one of them has. */
export function keyOn(shard: number, prefix: string): string {
  for (let i = 0; ; i++) if (shardOf(`${prefix}${i}`) === shard) return `${prefix}${i}`
}
