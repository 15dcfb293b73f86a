import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { redisUrl } from './redis.ts'

/** What the command calls the clients that it does not call as the tests do. */
export const CLIENT_NAMES: Record<string, string> = { Solidis: 'solidis', 'node-redis': 'redis' }

export const CLI = resolve('cli/dist/main.js')

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Record<string, string>
  readonly cwd?: string
  /** The script to run. */
  readonly file?: string
  /** Called with the process when it runs. */
  readonly began?: (pid: number) => void
}

/** Runs the operator's command in a process of its own, without a terminal. */
export async function runCli(
  args: readonly string[],
  { env, cwd, file = CLI, began }: RunOptions = {},
): Promise<Outcome> {
  const cli = spawn(process.execPath, [file, ...args], {
    env: environment(env),
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  began?.(cli.pid as number)
  const [stdout, stderr, [status]] = await Promise.all([
    text(cli.stdout),
    text(cli.stderr),
    once(cli, 'close'),
  ])
  return { status, stdout, stderr }
}

/** Why there can be no terminal here, if there can be none: that of util-linux knows how to end well. */
export const noTerminal: string | undefined = spawnSync('script', ['--version'])
  .stdout?.toString()
  .includes('util-linux')
  ? undefined
  : 'script of util-linux is not installed'

/**
 * Runs it in a terminal, whose output is all that comes.
 * @param keys what to press after what has been shown
 */
export async function runInTerminal(
  args: readonly string[],
  keys: [shown: string, pressed: string][] = [],
  env: Record<string, string> = {},
): Promise<{ status: number | null; shown: string }> {
  const command = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ')
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env: environment({ TERM: 'xterm', ...env }),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  const pending = [...keys]
  terminal.stdout.setEncoding('utf8').on('data', (chunk) => {
    shown += chunk
    const [next] = pending
    if (next === undefined || !shown.includes(next[0])) return
    pending.shift()
    terminal.stdin.write(next[1])
  })
  const [status] = await once(terminal, 'close')
  return { status, shown }
}

/** A way to Redis on which nothing passes any more once a command has been sent. */
export async function stallAt(command: string, stalled = () => {}) {
  const { hostname, port } = new URL(redisUrl())
  const server = createServer((client) => {
    const upstream = connect(Number(port || 6379), hostname)
    client.on('error', () => {}).on('close', () => upstream.destroy())
    upstream.on('error', () => {}).pipe(client)
    let isStalled = false
    client.on('data', (chunk) => {
      if (isStalled) return
      isStalled = chunk.includes(command)
      if (isStalled) stalled()
      else upstream.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  return { url: `redis://127.0.0.1:${address.port}`, close: () => server.close() }
}

/** What a machine that tests may have set would be heard: whether to color, and secrets. */
function environment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { NO_COLOR, FORCE_COLOR, NODE_DISABLE_COLORS, CI, SESSION_ENCRYPTION_SECRETS, ...rest } =
    process.env
  return { ...rest, REDIS_URL: redisUrl(), ...env }
}
