import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { redisUrl } from './redis.ts'

type Env = Record<string, string>

export interface ExampleApp {
  readonly url: string
  /** Sends a signal and resolves to the exit code. */
  end(signal: 'SIGINT' | 'SIGTERM'): Promise<number | null>
}

const APP = 'example-app/app.js'
const SECRETS = ['SESSION_SECRET', 'SESSION_ENCRYPTION_SECRETS', 'ADMIN_PASSWORD']
const GIVE_UP_MS = 5000

const running = new Set<ChildProcess>()

/** Starts the app, or another one that says its address, on a free port; resolves when it listens. */
export async function startApp(env: Env = {}, file = APP): Promise<ExampleApp> {
  const app = spawn(process.execPath, [file], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(app)
  const complaints = text(app.stderr)
  const exited = once(app, 'exit').finally(() => running.delete(app))
  const [said] = await Promise.race([once(app.stdout, 'data'), exited.then(() => [])])
  const url = /http:\S+/.exec(String(said))?.[0]
  if (url === undefined) throw new Error(`The app did not start: ${await complaints}`)
  return {
    url,
    async end(signal) {
      app.kill(signal)
      const [code] = await exited
      return code
    },
  }
}

/** Runs an app that is expected to end by itself. */
export function runApp(env: Env): { status: number | null; stderr: string } {
  const options = { env: environment(env), encoding: 'utf8', timeout: GIVE_UP_MS } as const
  return spawnSync(process.execPath, [APP], options)
}

/** Ends what a test has left running. */
export function killApps(): void {
  for (const app of running) app.kill('SIGKILL')
}

/** What the app reads is set, to nothing if need be, lest it come from the environment of the tests. */
function environment(env: Env): NodeJS.ProcessEnv {
  const unset = [...SECRETS, 'NODE_ENV', 'IDLE_SECONDS', 'HOST']
  const defaults = Object.fromEntries(unset.map((name) => [name, '']))
  return { ...process.env, ...defaults, PORT: '0', REDIS_URL: redisUrl(), ...env }
}
