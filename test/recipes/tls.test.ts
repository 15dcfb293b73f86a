import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { freePort, startRedis } from '../../scripts/redis-server.js'
import { nodeRedisKind, solidisKind } from '../support/clients.ts'
import { copyRecipe, RECIPES, removeProjects } from '../support/recipes.ts'
import { ask } from '../support/requests.ts'

const PAGE = readFileSync(join(RECIPES, 'tls.md'), 'utf8')
const PACKAGES = { redis: 'redis', ioredis: 'ioredis', solidis: '@vcms-io/solidis' }

describe('the recipe tls', function () {
  this.timeout(60_000)
  const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-tls-'))
  let redis: Awaited<ReturnType<typeof startRedis>>
  let url: string

  before(async () => {
    const commands = linesOf(/^(?:openssl|printf) .*$/gm).join('\n')
    execFileSync('sh', ['-ec', commands], { cwd: folder, stdio: 'ignore' })
    const port = await freePort()
    const [start = ''] = linesOf(/(?<=^redis-server --tls-port 6379 --port 0 ).*$/gm)
    const options = start.replace(/\S+\.(crt|key)/g, (file) => join(folder, file)).split(' ')
    redis = await startRedis(undefined, ['--save', '', '--tls-port', String(port), ...options])
    const { client, close } = await nodeRedisKind.connect(redis.url)
    for (const line of linesOf(/^ACL SETUSER .*$/gm)) await ask(client, ...line.split(' '))
    close()
    url = `rediss://web:password@127.0.0.1:${port}`
  })
  after(async () => {
    removeProjects()
    rmSync(folder, { recursive: true })
    await redis.stop()
  })

  const start = (CLIENT: keyof typeof PACKAGES, REDIS_CA: string) => {
    const copy = copyRecipe('tls.mjs', { redis: PACKAGES[CLIENT] })
    return spawn(process.execPath, [copy], {
      env: { ...process.env, REDIS_URL: url, CLIENT, REDIS_CA },
      timeout: 20_000,
    })
  }

  for (const client of ['redis', 'ioredis', 'solidis'] as const) {
    it(`connects by ${client}, may do what it needs, and believes no other server`, async function () {
      if (client === 'solidis' && solidisKind.missing !== undefined) this.skip()
      const { stdout, stderr } = start(client, join(folder, 'ca.crt'))
      expect(await text(stderr)).to.equal('')
      expect(JSON.parse(await text(stdout))).to.deep.equal({ theme: 'dark', ended: 1 })

      const doubting = start(client, '')
      const [told] = await once(doubting.stderr, 'data')
      doubting.kill()
      expect(String(told)).to.match(/self-signed certificate|unable to verify/)
    })
  }
})

function linesOf(pattern: RegExp): string[] {
  return PAGE.match(pattern) ?? []
}
