import { setTimeout as sleep } from 'node:timers/promises'

/** Asks until the answer is yes; fails if that takes longer than any machine needs. */
export async function eventually(isSo: () => Promise<boolean>, limitMs = 8000): Promise<void> {
  const giveUpAt = Date.now() + limitMs
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`Still not so after ${limitMs} ms`)
    await sleep(5)
  }
}
