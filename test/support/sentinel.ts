import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../../scripts/redis-server.js'

/** Starts a server and a sentinel that watches it under the name `mymaster`. */
export async function startSentinel() {
  const master = await startRedis()
  // Sentinel keeps its state in its configuration.
  const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-sentinel-'))
  const configuration = join(folder, 'sentinel.conf')
  writeFileSync(configuration, `sentinel monitor mymaster 127.0.0.1 ${master.port} 1\n`)
  const sentinel = await startRedis(undefined, [configuration, '--sentinel'])
  return {
    name: 'mymaster',
    nodes: [{ host: '127.0.0.1', port: sentinel.port as number }],
    master,
    stop: async () => {
      await Promise.all([sentinel.stop(), master.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
