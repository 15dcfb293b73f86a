import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { ensureBuilt } from '../support/built.ts'

const RECIPE = './docs/recipes/tracing-clients'
const MARKER = 'the-secret-marker'
const SID = 'the-secret-sid'

/** Clients as apps import them, each with its wrapper, and how it is closed. */
const CLIENTS = {
  redis: `import { createClient } from 'redis'
    const client = await createClient({ url }).connect()
    const wrapped = fromNodeRedis(client), close = () => client.destroy()`,
  redis5: `import { createClient } from 'redis5'
    const client = await createClient({ url }).connect()
    const wrapped = fromNodeRedis(client), close = () => client.destroy()`,
  ioredis: `import { Redis } from 'ioredis'
    const client = new Redis(url)
    const wrapped = fromIoredis(client), close = () => client.disconnect()`,
}
type Name = keyof typeof CLIENTS

const USE = `
import { fromIoredis, fromNodeRedis, SolidisStore } from './dist/esm/index.js'
const url = process.env.REDIS_URL
`
const live = (options: string) => `
const store = new SolidisStore({ client: wrapped, ${options} })
async function live() {
  const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) }
  await store.set('${SID}', { cookie, user: '${MARKER}' })
  const session = await store.get('${SID}')
  await store.set('${SID}', Object.assign(session, { more: '${MARKER}' }))
  await store.destroy('${SID}')
  await wrapped.send([['SET', 'mine', 'value'], ['GET', 'mine'], ['UNLINK', 'mine']])
}`

/** Prints the spans of the instrumentations. */
const SPANS = `
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
const exporter = new InMemorySpanExporter()
const spanProcessors = [new SimpleSpanProcessor(exporter)]
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager())
await trace.getTracer('app').startActiveSpan('request', live)
close()
const spans = exporter.getFinishedSpans()
console.log(JSON.stringify(spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))))`

/** The instrumentations as they are by themselves. */
const PLAIN = `data:text/javascript,${encodeURIComponent(`
import { createRequire, register } from 'node:module'
const require = createRequire(process.cwd() + '/app.js')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { RedisInstrumentation } = require('@opentelemetry/instrumentation-redis')
const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis')
register('@opentelemetry/instrumentation/hook.mjs', 'file://' + process.cwd() + '/')
registerInstrumentations({ instrumentations: [new RedisInstrumentation(), new IORedisInstrumentation()] })`)}`

/** Prints what two listeners of the clients' channels see: one as Sentry is one, and a plain one. */
const channels = (redact: string) => `
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
const seen = []
for (const name of ['node-redis:command', 'ioredis:command']) {
  const { start } = tracingChannel(name)
  start.bindStore(new AsyncLocalStorage(), ({ command, args }) => seen.push({ command, args: [...args] }))
  start.subscribe(({ command, args }) => seen.push({ command, args: [...args] }))
}
${redact}
await live()
close()
console.log(JSON.stringify(seen))`

/** What a process prints that imports a module before its own code. */
function run(preload: string | undefined, code: string): string {
  const imports = preload === undefined ? [] : ['--import', preload]
  const options = { input: code, encoding: 'utf8', timeout: 30_000 } as const
  const args = [...imports, '--input-type=module', '-']
  const { stdout, stderr } = spawnSync(process.execPath, args, options)
  const line = stdout.trim().split('\n').at(-1) as string
  if (!line.startsWith('[')) throw new Error(stderr)
  return line
}

describe('encryption with hashKeys', function () {
  this.timeout(60_000)
  before(() => ensureBuilt())

  for (const name of Object.keys(CLIENTS) as Name[]) {
    it(`shows who listens to ${name}, by spans or its channels, no session and no id`, () => {
      const options =
        "encryption: { secrets: ['a secret of thirty-two bytes, or more'] }, hashKeys: true"
      const app = USE + CLIENTS[name] + live(options)
      for (const shown of [run(PLAIN, app + SPANS), run(undefined, app + channels(''))]) {
        expect(shown).to.match(/evalsha/i)
        expect(shown).not.to.include(MARKER)
        expect(shown).not.to.include(SID)
      }
    })
  }
})

describe('docs/recipes/tracing-clients', function () {
  this.timeout(60_000)
  before(() => ensureBuilt())

  for (const name of Object.keys(CLIENTS) as Name[]) {
    const app = USE + CLIENTS[name] + live('')

    it(`keeps sessions out of the spans of ${name}, where they are without it`, () => {
      const plain = run(PLAIN, app + SPANS)
      expect(plain)
        .to.match(/evalsha/i)
        .and.to.include(MARKER)
        .and.to.include(SID)
      const redacted = run(`${RECIPE}.mjs`, app + SPANS)
      expect(redacted)
        .to.match(/evalsha/i)
        .and.not.to.include(MARKER)
      expect(redacted).not.to.include(SID)
      expect(redacted, 'what is not of the store').to.match(/get mine/i)
    })

    it(`keeps them from who listens to the channels of ${name}, too`, () => {
      const shown = run(undefined, app + channels(''))
      expect(shown)
        .to.match(/evalsha/i)
        .and.to.include(MARKER)
        .and.to.include(SID)
      const redact = `const { redactChannels } = await import('${RECIPE}.mjs')\nredactChannels()`
      const redacted = run(undefined, app + channels(redact))
      expect(redacted)
        .to.match(/evalsha/i)
        .and.not.to.include(MARKER)
      expect(redacted).not.to.include(SID)
      expect(redacted, 'what is not of the store').to.include('"mine"')
    })
  }
})
