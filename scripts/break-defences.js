// Breaks one defence of the store after the other, in a copy of the built code, and tells in how many
// simulated worlds that shows: npm run test:break -- [--seeds 20000] [--only "the tag"]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** Within the project, so that what is imported from `node_modules/` is found. */
const COPY = '.build/broken'
const SEED = /^Seed (\d+): (.*)/

const DEFENCES = [
  {
    name: 'the tag',
    what: 'a payload is taken whosever it is',
    file: 'session/tag.js',
    replace: ['return typeof tag ===', 'return true || typeof tag ==='],
    args: ['--shift'],
  },
  {
    name: "the tag's number of the write",
    what: 'the same change, made twice, is the same text',
    file: 'session/tag.js',
    replace: ['WRITER + writes.toString(36)', 'WRITER'],
  },
  {
    name: 'the nonce of an acknowledgement',
    what: 'one write is taken for done by the acknowledgement of another',
    file: 'redis/redis.js',
    replace: ['if (told.nonce !== nonce)', 'if (false)'],
    args: ['--shift'],
  },
  {
    name: "the answer to the server's own compare and set",
    what: 'it is taken to have written whatever it gives',
    file: 'redis/redis.js',
    replace: ['text === expected || text === payload', 'true'],
  },
  {
    name: 'distrust',
    what: 'after a reply that was of another call, others in flight are still believed',
    file: 'redis/redis.js',
    replace: ['if (epoch !== this.#epoch) {', 'if (false) {'],
    args: ['--shift'],
  },
  {
    name: 'the Solidis gate: shut',
    what: 'it stays open while the connection changes',
    file: 'clients/solidis.js',
    replace: [`this.#shut(new ClientError('ECONNRESET', 'the connection was lost'));`, ''],
  },
  {
    name: 'the Solidis gate: probe',
    what: 'it opens without a nonce that has come back',
    file: 'clients/solidis.js',
    replace: ['await this.#probe.check();', ''],
  },
  {
    name: 'the Solidis gate: ready',
    what: 'it opens before the client is ready',
    file: 'clients/solidis.js',
    replace: ['if (this.#isReady === false)', 'if (false)'],
  },
  {
    name: 'the Solidis gate: patience',
    what: 'who waits for it is told that it is late before a stalled process has looked',
    file: 'clients/solidis.js',
    replace: [
      'startDeadline(expire, MAX_WAIT_MS, performance.now() + MAX_WAIT_MS)',
      'setTimeout(expire, MAX_WAIT_MS)',
    ],
  },
  {
    name: 'the deadline',
    what: 'Redis is given none that ever is over',
    file: 'redis/redis.js',
    replace: ['Number.isFinite(deadline) ?', 'false ?'],
  },
  {
    name: "the snapshot's second form",
    what: 'after a write without an answer, only what was there before is accepted',
    file: 'concurrency/write.js',
    replace: ['...later.slice(1 - MAX_FORMS), form]', '...later.slice(1 - MAX_FORMS)]'],
  },
  {
    name: "the snapshot's first form",
    what: 'after a write without an answer, only what was sent is accepted',
    file: 'concurrency/write.js',
    replace: ['[first, ...later.slice(1 - MAX_FORMS), form]', '[form]'],
  },
  {
    name: 'the order of calls: writes',
    what: 'a save does not wait for what was called before it',
    file: 'concurrency/queue.js',
    replace: [
      'waiting === undefined)\n            this.#writer',
      'true)\n            this.#writer',
    ],
  },
  {
    name: 'the order of calls: touches and reads',
    what: 'they do not wait for what was called before them',
    file: 'concurrency/queue.js',
    replace: ['waiting === undefined)\n            send', 'true)\n            send'],
  },
  {
    name: 'the order of calls: logouts',
    what: 'they do not wait for what was called before them',
    file: 'concurrency/queue.js',
    replace: ['waiting === undefined)\n            run', 'true)\n            run'],
  },
  {
    name: 'answers after a stall',
    what: 'those in the socket are not read before calls expire',
    file: 'redis/deadline.js',
    replace: ['setTimeout(expireSoon, GRACE_MS, late)', 'expireSoon(late)'],
  },
  {
    name: 'the next probe',
    what: 'the breaker probes once, and never again',
    file: 'redis/breaker.js',
    replace: [`this.#to('open');\n                this.#probeLater();`, `this.#to('open');`],
  },
]

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '20000' }, only: { type: 'string', default: '' } },
})
console.log('| defence | broken so that | found in, of | first seed | by, for example |')
console.log('| --- | --- | --- | --- | --- |')
for (const defence of DEFENCES) {
  if (defence.name.includes(values.only)) await breakOne(defence, values.seeds)
}
rmSync(COPY, { recursive: true })

async function breakOne({ name, what, file, replace: [before, after], args = [] }, seeds) {
  rmSync(COPY, { recursive: true, force: true })
  for (const folder of ['lib', 'test/simulation', 'test/support']) {
    cpSync(`.build/${folder}`, `${COPY}/.build/${folder}`, { recursive: true })
  }
  cpSync('scripts/simulate.js', `${COPY}/scripts/simulate.js`)
  const path = `${COPY}/.build/lib/${file}`
  const source = readFileSync(path, 'utf8')
  if (source.split(before).length !== 2) throw new Error(`${name}: not once in ${file}: ${before}`)
  writeFileSync(
    path,
    source.replace(before, () => after),
  )
  const found = await simulate([...args, '--seeds', seeds])
  const [[first, how] = ['none', '']] = found
  const shift = args.length > 0 ? ` (${args.join(' ')})` : ''
  console.log(`| ${name} | ${what} | ${found.length} of ${seeds}${shift} | ${first} | ${how} |`)
  if (found.length === 0) process.exitCode = 1
}

/** Gives the seeds that fail, and how, in their order. */
async function simulate(args) {
  const child = spawn(process.execPath, [`${COPY}/scripts/simulate.js`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8')
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  const found = output.split('\n').flatMap((line) => {
    const [, seed, how] = SEED.exec(line) ?? []
    return seed === undefined ? [] : [[Number(seed), how]]
  })
  return found.sort(([one], [other]) => one - other)
}
