import { setImmediate as turn } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

/** How many of these are still held by somebody. */
export async function heldOf(refs: WeakRef<object>[]): Promise<number> {
  // A WeakRef holds what it refers to until the turn ends in which it was made.
  for (let left = 3; left > 0; left--) {
    await turn()
    collectGarbage()
  }
  return refs.filter((ref) => ref.deref() !== undefined).length
}
