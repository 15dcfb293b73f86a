import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '../faults/server.ts'
import type { Relay } from '../support/relay.ts'

/** What goes wrong for so many milliseconds, and is over then. */
export type Fault = (server: Server, relay: Relay, ms: number) => Promise<unknown>

export const FAULTS: Record<string, Fault> = {
  async 'killed and restarted'(server, _relay, ms) {
    await server.kill()
    await sleep(ms)
    await server.restart()
  },
  async frozen(server, _relay, ms) {
    server.freeze()
    await sleep(ms)
    server.thaw()
  },
  async 'half-open'(_server, relay) {
    relay.strand()
  },
  async 'network down'(_server, relay, ms) {
    relay.hold()
    await sleep(ms)
    relay.release()
  },
  async refused(_server, relay, ms) {
    await relay.close()
    await sleep(ms)
    await relay.open()
  },
  async cut(_server, relay, ms) {
    for (let left = ms; left > 0; left -= 100) {
      relay.cut()
      await sleep(100)
    }
  },
  async truncated(_server, relay) {
    relay.truncate()
  },
  async slow(_server, relay, ms) {
    relay.delayMs = ms / 2
    await sleep(ms)
    relay.delayMs = 0
  },
  async swapped(_server, relay, ms) {
    relay.swaps = true
    await sleep(ms)
    relay.swaps = false
  },
  async 'connections ended'(server) {
    await server.endConnections()
  },
  async 'out of memory'(server, _relay, ms) {
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    await sleep(ms)
    await server.ask('CONFIG', 'SET', 'maxmemory', '0')
  },
  async replica(server, _relay, ms) {
    await server.ask('REPLICAOF', '127.0.0.1', '1')
    await sleep(ms)
    await server.ask('REPLICAOF', 'NO', 'ONE')
  },
  async 'password changed'(server, _relay, ms) {
    await server.ask('CONFIG', 'SET', 'requirepass', 'other')
    await server.endConnections()
    await sleep(ms)
    await server.ask('CONFIG', 'SET', 'requirepass', '')
  },
  async 'no INFO'(server, _relay, ms) {
    await server.ask('ACL', 'SETUSER', 'default', '-info')
    await server.endConnections()
    await sleep(ms)
    await server.ask('ACL', 'SETUSER', 'default', '+info')
  },
  async 'scripts flushed'(server) {
    await server.ask('SCRIPT', 'FLUSH')
  },
}
