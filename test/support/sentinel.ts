import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../../scripts/redis-server.js'
import { Server } from '../faults/server.ts'
import { eventually } from './eventually.ts'

const NAME = 'mymaster'
/** After so long without an answer, a server is taken for dead, and a replica for the master. */
const DOWN_AFTER_MS = 1000

/** Starts a master, its replicas, and sentinels that watch it under the name `mymaster`. */
export async function startSentinel(replicas = 0, sentinels = 1) {
  const master = await Server.start()
  const others = await Promise.all(
    Array.from({ length: replicas }, async () => {
      const options = ['--replicaof', '127.0.0.1', String(master.port)]
      const replica = await Server.start(false, [...options, '--repl-diskless-sync-delay', '0'])
      await isInSync(replica)
      return replica
    }),
  )
  const watchers = await Promise.all(
    Array.from({ length: sentinels }, () => startWatcher(master.port, (sentinels >> 1) + 1)),
  )
  for (const { server } of watchers) {
    await eventually(async () => {
      const knows = async (what: string, count: number) =>
        ((await server.ask('SENTINEL', what, NAME)) as unknown[]).length === count
      return (await knows('replicas', replicas)) && (await knows('sentinels', sentinels - 1))
    })
  }
  return {
    name: NAME,
    nodes: watchers.map(({ server }) => ({ host: '127.0.0.1', port: server.port })),
    master,
    replicas: others,
    /** Asks a sentinel something of the set. */
    ask: async (what: string) => watchers[0]?.server.ask('SENTINEL', what, NAME),
    stop: async () => {
      await Promise.all(watchers.map(({ stop }) => stop()))
      await Promise.all([master, ...others].map((server) => server.stop()))
    },
  }
}

async function startWatcher(port: number, quorum: number) {
  // Sentinel keeps its state in its configuration.
  const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-sentinel-'))
  const configuration = join(folder, 'sentinel.conf')
  const lines = [
    `sentinel monitor ${NAME} 127.0.0.1 ${port} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 5000`,
  ]
  writeFileSync(configuration, `${lines.join('\n')}\n`)
  const redis = await startRedis(undefined, [configuration, '--sentinel'])
  const server = Server.of(redis)
  return {
    server,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Waits until a replica has all that its master has. */
export async function isInSync(replica: Server): Promise<void> {
  await eventually(async () =>
    String(await replica.ask('INFO', 'replication')).includes('master_link_status:up'),
  )
}
