// Calls one method of one store once, and tells the time, the memory and the longest pause it took.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { taskOfThisProcess } from './child.js'
import { attributesOf, textOf } from './sessions.js'
import { MemoryStorage } from './storage.js'
import { storeNamed } from './stores.js'

const RESOLUTION_MS = 1
const HEAP_EVERY_MS = 5
const SETTLE_MS = 20

const { store: name, method, sessions, url, prefix, payload } = taskOfThisProcess()
const { store } = await storeNamed(name).open(url, prefix)
if (name === 'memory') {
  await new MemoryStorage(store).fillMany(sessions, textOf(attributesOf(payload)))
}
const call = promisify((callback) => store[method](callback))

globalThis.gc()
const { rss: rssBefore } = process.memoryUsage()
let peakHeap = 0
const noteHeap = () => {
  peakHeap = Math.max(peakHeap, process.memoryUsage().heapUsed)
}
const timer = setInterval(noteHeap, HEAP_EVERY_MS)
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()
await sleep(SETTLE_MS)
delay.reset()
// A pause only counts from the second tick after a reset.
await sleep(SETTLE_MS)

const begin = performance.now()
const result = await call()
const ms = performance.now() - begin
noteHeap()
// The longest pause may have been the last.
await sleep(SETTLE_MS)
delay.disable()
clearInterval(timer)

const found = method === 'all' ? Object.keys(result).length : (result ?? 0)
if (method !== 'clear' && found !== sessions)
  fail(`${method} found ${found} of ${sessions} sessions`)
const left = method === 'clear' ? await promisify((callback) => store.length(callback))() : 0
if (left !== 0) fail(`clear left ${left} of ${sessions} sessions`)

process.send({
  ms,
  pauseMs: delay.max / 1e6,
  rssBefore,
  peakRss: process.resourceUsage().maxRSS * 1024,
  peakHeap,
})

function fail(message) {
  process.send({ error: message }, () => process.exit(1))
}
