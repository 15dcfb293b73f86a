import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { ensureBuilt } from './support/built.ts'
import { solidisKind } from './support/clients.ts'
import { redisUrl } from './support/redis.ts'

/** Within the package, so that it is found by its name. */
const FOLDER = '.build/documents'
const TSC = 'node_modules/typescript/bin/tsc'
/** The code of recipes is in files that are run: see test/recipes. */
const DOCUMENTS = [
  'README.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

/** What the blocks take for granted. Solidis may not be installed. */
const GIVEN = `
import type { SessionData } from 'express-session'
declare global {
  const app: import('express').Express & import('fastify').FastifyInstance
  const session: typeof import('express-session')
  const store: import('connect-solidis').SolidisStore
  const { fromIoredis, fromNodeRedis, handleOf, SolidisStore }: typeof import('connect-solidis')
  const { createClient, createClientPool, createCluster, createSentinel }: typeof import('redis')
  const { Redis, Cluster }: typeof import('ioredis')
  const rootNodes: { url: string }[], nodes: { host: string; port: number }[]
  const sentinels: typeof nodes, sentinelRootNodes: typeof nodes, name: string
  const client: import('connect-solidis').SolidisLike
  const sid: string, secret: string, loaded: SessionData
  const metrics: { count(name: string): void }
  const io: import('socket.io').Server
  function upload(req: unknown): Promise<void>
}
declare module 'express-session' {
  interface SessionData { avatar: boolean; cart: string[]; unread: number; user: string; views: number }
}
declare module 'node:http' {
  interface IncomingMessage { sessionID: string }
}
`
const SOLIDIS = `
declare module '@vcms-io/solidis' {
  export class SolidisClient {
    constructor(options: { host?: string; port?: number; database?: number })
    send(commands: (string | Buffer)[][]): Promise<unknown[][]>
  }
}
`

describe('the code in the documents', function () {
  this.timeout(60_000)
  const files = DOCUMENTS.flatMap((document) =>
    [...readFileSync(document, 'utf8').matchAll(/^```(js|ts|diff)\n([\s\S]*?)^```/gm)].map(
      ([, kind, text = ''], i) => {
        const code = kind === 'diff' ? afterwards(text) : text
        const module = code.includes('require(') ? 'cjs' : kind === 'ts' ? 'mts' : 'mjs'
        return { name: `${FOLDER}/${document.replace(/\W/g, '-')}-${i}.${module}`, code }
      },
    ),
  )

  before(() => {
    ensureBuilt()
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(`${FOLDER}/given.d.ts`, GIVEN)
    writeFileSync(`${FOLDER}/solidis.d.ts`, SOLIDIS)
    for (const { name, code } of files) {
      writeFileSync(name, name.endsWith('.cjs') ? code : `export {}\n${code}`)
    }
  })
  after(() => rmSync(FOLDER, { recursive: true, force: true }))

  it('is what the package has', () => {
    expect(files).to.have.length.above(30)
    const options = '--noEmit --ignoreConfig --allowJs --checkJs --skipLibCheck --types node'
    const { stdout, status } = spawnSync(
      process.execPath,
      [
        ...[
          TSC,
          ...options.split(' '),
          '--module',
          'nodenext',
          '--target',
          'es2023',
          '--lib',
          'es2023',
        ],
        ...['--strict', '--strictNullChecks', 'false', '--noImplicitAny', 'false'],
        ...[`${FOLDER}/given.d.ts`, `${FOLDER}/solidis.d.ts`, ...files.map(({ name }) => name)],
      ],
      { encoding: 'utf8' },
    )
    expect(stdout).to.equal('')
    expect(status).to.equal(0)
  })

  it('opens a store over Solidis in CommonJS', function () {
    if (solidisKind.missing !== undefined) this.skip()
    const { code = '' } = files.find(({ code }) => code.includes('function openStore')) ?? {}
    const use = `openStore('${redisUrl()}').then(async (store) => {
      console.log(await store.exists('nobody'))
      store.client.quit()
    })`
    const options = { input: code + use, encoding: 'utf8', timeout: 10_000 } as const
    const { stdout } = spawnSync(process.execPath, ['--input-type=commonjs', '-'], options)
    expect(stdout.trim()).to.equal('false')
  })
})

/** What a diff leads to. */
function afterwards(diff: string): string {
  return diff.replace(/^-.*\n/gm, '').replace(/^[+ ]/gm, '')
}
