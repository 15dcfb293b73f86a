// Runs the property tests of concurrent requests and of hostile data 100,000 times, in rounds, each with
// a seed that it prints: FUZZ_RUNS=10000 FUZZ_SEED=<seed> repeats a round. FUZZ_RUNS sets the number of
// all, and an argument (`-- hostile`) which of the two.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { findOrStartRedis } from './redis-server.js'

const RUNS = Number(process.env.FUZZ_RUNS ?? 100_000)
const RUNS_PER_ROUND = 10_000

const MOCHA = ['node_modules/mocha/bin/mocha.js', '--no-config']
const REQUIRED = ['--require', '.build/test/support/redis.js']
const TESTS = [
  '.build/test/concurrency/properties.test.js',
  '.build/test/session/hostile.test.js',
].filter((test) => test.includes(process.argv[2] ?? ''))

const redis = await findOrStartRedis()
const firstSeed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 30)
const startedAt = Date.now()
try {
  for (let done = 0; done < RUNS; ) {
    const runs = Math.min(RUNS_PER_ROUND, RUNS - done)
    const seed = firstSeed + done
    const { code, output } = await round(runs, seed)
    if (code !== 0) {
      console.error(output)
      console.error(`Failed. To repeat: FUZZ_RUNS=${runs} FUZZ_SEED=${seed} npm run test:fuzz`)
      process.exitCode = 1
      break
    }
    done += runs
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    console.log(`${done} of ${RUNS} runs passed, ${seconds} s, seed ${seed}`)
  }
} finally {
  await redis.stop()
}

async function round(runs, seed) {
  const env = { ...process.env, REDIS_URL: redis.url, FUZZ_RUNS: `${runs}`, FUZZ_SEED: `${seed}` }
  const mocha = spawn(process.execPath, [...MOCHA, ...REQUIRED, ...TESTS], { env })
  let output = ''
  for (const stream of [mocha.stdout, mocha.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  const [code] = await once(mocha, 'close')
  return { code, output }
}
