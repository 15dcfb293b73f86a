// Uses a site of two processes like 200 browsers do, while its Redis and its network fail at random:
// SOAK_SECONDS (600), SOAK_SEED for the same faults again, CLIENT=solidis|node-redis|ioredis.
import { soak } from '../.build/test/soak/soak.js'

const seconds = Number(process.env.SOAK_SECONDS ?? 600)
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 2 ** 30)
const client = process.env.CLIENT ?? 'solidis'
if (!['solidis', 'node-redis', 'ioredis'].includes(client)) {
  throw new Error('CLIENT: expected solidis, node-redis or ioredis')
}
// Else its server would live on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

console.log(`${seconds} s over ${client}; to repeat: SOAK_SEED=${seed}`)
const isKept = await soak(seconds, seed, client)
if (!isKept) {
  console.error(`A promise was broken. To repeat: SOAK_SEED=${seed} CLIENT=${client} npm run soak`)
  process.exitCode = 1
}
