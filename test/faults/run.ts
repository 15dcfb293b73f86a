import { setTimeout as sleep } from 'node:timers/promises'
import { SolidisStore, type SolidisStoreOptions } from '../../lib/index.ts'
import type { ClientKind, TestClient } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { heldOf } from '../support/garbage.ts'
import { Relay } from '../support/relay.ts'
import { Counts } from './counts.ts'
import { Load } from './load.ts'
import { Server } from './server.ts'

export const TIMEOUT_MS = 500
const BEFORE_MS = 200
const AFTER_MS = 300
/** No machine is so slow that it needs longer to be back. */
const CLOSED_WITHIN_MS = 3000
const BACK_WITHIN_MS = 10_000

/** What a fault is done to. */
export interface Scene {
  readonly server: Server
  readonly relay: Relay
  readonly tested: TestClient
  readonly store: SolidisStore
  readonly load: Load
}

/** What goes wrong, for a time. */
export interface Fault {
  readonly what: string
  /** Resolves when it is over. */
  happen(scene: Scene): Promise<unknown>
  /** Whether Redis is to keep its data when it ends. */
  readonly keepsData?: boolean
  /** Whether replies come that are none. */
  readonly misleads?: boolean
  /** Whether there is no way back. */
  readonly isFinal?: boolean
  /** Clients that may not come back by themselves. */
  readonly mayStayDown?: readonly string[]
  readonly options?: Partial<SolidisStoreOptions>
}

/** Puts a load on a store before, while and after something goes wrong, and counts what comes of it. */
export async function run(fault: Fault, kind: ClientKind): Promise<Counts> {
  const server = await Server.start(fault.keepsData)
  const relay = new Relay(server.url)
  await relay.open()
  const tested = await kind.connect(relay.url)
  const { client } = tested
  const store = new SolidisStore({ ...ENCRYPTED, client, timeout: TIMEOUT_MS, ...fault.options })
  const counts = new Counts()
  const load = new Load(store, counts, fault.misleads)
  try {
    load.start()
    await sleep(BEFORE_MS)
    await fault.happen({ server, relay, tested, store, load })
    load.faultEnded()
    if (!fault.isFinal) await within(BACK_WITHIN_MS, () => counts.backAfterMs !== undefined)
    await sleep(AFTER_MS)
    await load.stop(2 * TIMEOUT_MS + 1000)
    // What a reply of the last calls gave away may have opened it once more.
    if (!fault.isFinal) await within(CLOSED_WITHIN_MS, () => store.state === 'closed')
    counts.stateAtEnd = store.state
    await load.audit((key) => server.ask('GET', key))
    counts.held = await heldOf(load.told)
  } finally {
    tested.close()
    await relay.close()
    await server.stop()
  }
  return counts
}

/** Waits until something is so, but not for ever: that it is not is for the test to find. */
async function within(limitMs: number, isSo: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + limitMs
  while (!isSo() && Date.now() < giveUpAt) await sleep(5)
}
