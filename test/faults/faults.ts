import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import { SolidisStore } from '../../lib/index.ts'
import { clientKinds, nodeRedisKind, olderKinds } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { eventually } from '../support/eventually.ts'
import type { Data } from '../support/requests.ts'
import { type Fault, type Scene, TIMEOUT_MS } from './run.ts'

const WHILE_MS = 900

/** So many keys besides, each of which takes so long to load. */
const LOADED_KEYS = 1000
const LOADED_KEY_US = 1000

export const FAULTS: Fault[] = [
  {
    what: 'a server that is killed, and started again with its data',
    keepsData: true,
    async happen({ server }) {
      await server.kill()
      await sleep(WHILE_MS)
      await server.restart()
    },
  },
  {
    what: 'a server that is killed, and started again without its data',
    async happen({ server, load }) {
      load.wipe()
      await server.kill()
      await sleep(WHILE_MS)
      await server.restart()
      load.wiped()
    },
  },
  {
    what: 'a frozen server',
    async happen({ server }) {
      server.freeze()
      await sleep(2 * TIMEOUT_MS + 300)
      server.thaw()
    },
  },
  {
    what: 'connections that are half-open',
    async happen({ relay }) {
      relay.strand()
    },
  },
  {
    what: 'a network that is down',
    async happen({ relay }) {
      relay.hold()
      await sleep(2 * TIMEOUT_MS + 300)
      relay.release()
    },
  },
  {
    what: 'connections that end, and are refused',
    async happen({ relay }) {
      await relay.close()
      await sleep(WHILE_MS)
      await relay.open()
    },
  },
  {
    what: 'connections that end again and again',
    // In one run of six or so, it does not come back by itself.
    mayStayDown: ['node-redis 5'],
    async happen({ relay }) {
      for (let i = 0; i < 10; i++) {
        relay.cut()
        await sleep(80)
      }
    },
  },
  {
    what: 'a server that ends connections again and again',
    async happen({ server }) {
      for (let i = 0; i < 10; i++) {
        await server.endConnections()
        await sleep(80)
      }
    },
  },
  {
    what: 'connections that end within a reply',
    async happen({ relay }) {
      for (let i = 0; i < 4; i++) {
        relay.truncate()
        await sleep(200)
      }
    },
  },
  {
    what: 'answers that come too late',
    async happen({ relay }) {
      relay.delayMs = TIMEOUT_MS + 200
      await sleep(2 * TIMEOUT_MS)
      relay.delayMs = 0
    },
  },
  {
    what: 'slow answers, and somebody nearby who writes the same sessions',
    async happen({ relay, server, load, store }) {
      const tested = await nodeRedisKind.connect(server.url)
      const rival = new SolidisStore({ ...ENCRYPTED, client: tested.client, prefix: store.prefix })
      relay.delayMs = TIMEOUT_MS / 4
      const endsAt = Date.now() + 3 * TIMEOUT_MS
      while (Date.now() < endsAt) {
        await Promise.all(load.someSids.slice(-10).map((sid) => rival.update(sid, mark)))
        await sleep(20)
      }
      relay.delayMs = 0
      tested.close()
    },
  },
  {
    what: 'a server that has no memory left',
    async happen({ server }) {
      await server.ask('CONFIG', 'SET', 'maxmemory', '1')
      await sleep(WHILE_MS)
      await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    },
  },
  {
    what: 'a server that has become a replica',
    async happen({ server }) {
      await server.ask('REPLICAOF', '127.0.0.1', '1')
      await sleep(WHILE_MS)
      await server.ask('REPLICAOF', 'NO', 'ONE')
    },
  },
  {
    what: 'a server that takes long to load its data',
    keepsData: true,
    async happen({ server }) {
      for (let i = 0; i < LOADED_KEYS; i++) await server.ask('SET', `other:${i}`, '')
      await server.kill()
      const often = ['--loading-process-events-interval-bytes', '1024']
      await server.restart(['--key-load-delay', String(LOADED_KEY_US), ...often])
    },
  },
  {
    what: 'a password that is changed',
    async happen({ server }) {
      await server.ask('CONFIG', 'SET', 'requirepass', 'other')
      await server.endConnections()
      await sleep(WHILE_MS)
      await server.ask('CONFIG', 'SET', 'requirepass', '')
    },
  },
  {
    what: 'a user who may not run scripts any more',
    async happen({ server }) {
      await server.ask('ACL', 'SETUSER', 'default', '-@scripting')
      await sleep(WHILE_MS)
      await server.ask('ACL', 'SETUSER', 'default', '+@all')
    },
  },
  {
    what: 'a user who may not ask for INFO any more',
    async happen({ server }) {
      await server.ask('ACL', 'SETUSER', 'default', '-info')
      await server.endConnections()
      await sleep(WHILE_MS)
      await server.ask('ACL', 'SETUSER', 'default', '+info')
    },
  },
  {
    what: 'a server that cannot write to its disk',
    async happen({ server }) {
      mkdirSync(join(server.folder, 'a-folder'))
      await server.ask('CONFIG', 'SET', 'save', '3600 1000000')
      await server.ask('CONFIG', 'SET', 'dbfilename', 'a-folder')
      await server.ask('BGSAVE')
      await sleep(WHILE_MS)
      await server.ask('CONFIG', 'SET', 'save', '')
    },
  },
  {
    what: 'scripts that are flushed',
    async happen({ server }) {
      for (let i = 0; i < 20; i++) {
        await server.ask('SCRIPT', 'FLUSH')
        await sleep(30)
      }
    },
  },
  {
    what: 'sessions that are flushed',
    async happen({ server, load }) {
      for (let i = 0; i < 3; i++) {
        load.wipe()
        await server.ask('FLUSHALL')
        load.wiped()
        await sleep(150)
      }
    },
  },
  {
    what: 'more calls than may wait',
    options: { maxPending: 40 },
    async happen({ relay, load, store }) {
      relay.hold()
      const burst = Array.from({ length: 400 }, () =>
        load.call<SessionData | null>((done) => store.get('nobody', done)),
      )
      await Promise.all(burst)
      relay.release()
    },
  },
  {
    what: 'payloads that are given to other calls',
    misleads: true,
    async happen({ relay }) {
      relay.swaps = true
      await sleep(WHILE_MS)
      relay.swaps = false
    },
  },
  ...[1, 2, 5, 64].map((by) => ({
    what: `replies that are given to other calls, ${by} later`,
    misleads: true,
    async happen({ relay }: Scene) {
      relay.shift(by)
      // Only a new connection is in step again.
      await eventually(async () => !relay.isShifted)
    },
  })),
  {
    what: 'a client that is closed with calls in flight',
    isFinal: true,
    async happen({ relay, tested }) {
      relay.hold()
      await sleep(100)
      tested.close()
      await sleep(WHILE_MS)
    },
  },
]

/** The clients to be tested, by what is wrong. */
export const RUNS = FAULTS.flatMap((fault) =>
  [...clientKinds, ...olderKinds]
    .filter(({ missing }) => !missing)
    .map((kind) => [fault, kind] as const),
)

/** Changes of a session what nobody else does. */
function mark(session: SessionData): void {
  const marked = session as Data
  marked.marks = Number(marked.marks ?? 0) + 1
}
