// What is run in a place: gives the number of checks that have passed, or what failed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { writeConsumer } from '../consumer.js'
import { startRedis } from '../redis-server.js'

/** What tells most in a few seconds: the contract over each client, Express, races, and sessions of users. */
const TESTS = [
  'contract',
  'http',
  'swap',
  'concurrency/over-each-client',
  'concurrency/races',
  'owners/find',
  'redis/native',
]
const MOCHA = resolve('node_modules/mocha/bin/mocha.js')
const REPORT = resolve('.matrix/report.json')
const MOCHA_OPTIONS = ['--no-config', '--timeout', '20000', '--reporter', 'json']
const TIME_LIMIT_MS = 180_000
const MAX_OUTPUT = 64 * 1024 * 1024

/** How each runtime is told to run a file. */
const RUN = {
  node: [],
  bun: ['run'],
  deno: ['run', '--allow-all', '--node-modules-dir=manual', '--no-lock'],
}

let redis

/** By the name of the column. */
export const JOBS = {
  tests: runTests,
  import: (place) => runSite(place, 'smoke.mjs'),
  require: (place) => runSite(place, 'smoke.cjs'),
  node16: (place) => compile(place, 'node16'),
  nodenext: (place) => compile(place, 'nodenext'),
  bundler: (place) => compile(place, 'bundler'),
}

function runTests({ program, build, servers, client, tests = TESTS }) {
  rmSync(REPORT, { force: true })
  const files = tests.map((test) => join(build, 'test', `${test}.test.js`))
  const setup = ['--require', join(build, 'test/support/redis.js')]
  const report = ['--reporter-option', `output=${REPORT}`]
  const { output } = run(program, [MOCHA, ...MOCHA_OPTIONS, ...report, ...setup, ...files], {
    ...(servers === undefined ? {} : { PATH: `${servers}${delimiter}${process.env.PATH}` }),
    ...(client === undefined ? {} : { TEST_CLIENT: client }),
    NODE_OPTIONS: '--enable-source-maps',
    REDIS_URL: undefined,
    TEST_ENCRYPTED: undefined,
  })
  const { stats, failures } = reported()
  if (stats === undefined || stats.passes === 0) return { failure: `No test was run\n${output}` }
  if (failures.length === 0) return { checks: stats.passes }
  const told = failures.map(({ fullTitle, err }) => `${fullTitle}\n${err.stack ?? err.message}`)
  return { failure: `${told.join('\n')}\n${output}` }
}

function reported() {
  try {
    return JSON.parse(readFileSync(REPORT, 'utf8'))
  } catch {
    return {}
  }
}

async function runSite({ program, runtime, package: cwd }, file) {
  redis ??= await startRedis()
  const env = { REDIS_URL: redis.url, DENO_DIR: resolve('.matrix/deno'), DENO_NO_UPDATE_CHECK: '1' }
  const { status, output } = run(program, [...RUN[runtime], file], env, cwd)
  return status === 0 ? { checks: Number(output) } : { failure: output }
}

/** @param {string} name which way to resolve modules */
function compile({ tsc, package: cwd }, name) {
  const consumer = writeConsumer(cwd).find((way) => way.name === name)
  const { status, output } = run(process.execPath, [tsc, ...consumer.args], {}, cwd)
  return status === 0 ? { checks: 1 } : { failure: output }
}

/** @param env what to change in that of this process */
function run(program, args, env = {}, cwd = '.') {
  mkdirSync('.matrix', { recursive: true })
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, FORCE_COLOR: undefined, ...env },
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGINT',
    maxBuffer: MAX_OUTPUT,
  })
  const end = error?.message ?? (signal === null ? '' : `Ended by ${signal}`)
  // Warnings are of no interest where all went well.
  return { status, output: status === 0 ? stdout : [stdout, stderr, end].join('\n').trim() }
}
