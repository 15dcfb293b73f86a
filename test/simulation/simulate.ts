import { Actor, Process, type World } from './actors.ts'
import { History } from './history.ts'
import { FAULTS, type Fault, HARMLESS, Network, SHIFT } from './network.ts'
import { Oracle, type Policy } from './oracle.ts'
import { Random } from './random.ts'
import { RedisModel } from './redis-model.ts'
import { SolidisModel } from './solidis-model.ts'
import { dateAt, enter, VirtualTime } from './virtual-time.ts'

const POLICIES: Policy[] = ['merge', 'overwrite', 'reject', 'function']
const LATER_MS = 6 * 3_600_000
/** After so long without faults, each store has found out that Redis answers. */
const HEALED_MS = 15_000
/** Some twenty times as many events as happen in a world that comes to its end. */
const MAX_EVENTS = 200_000

export interface Outcome {
  readonly seed: number
  /** What was not as it should be. */
  readonly violations: string[]
  readonly history: History
}

export interface Options {
  /** Whether a client may give calls the replies of others. */
  readonly shift?: boolean
  /** Is told of all that happens when it does. */
  readonly onLine?: (line: string) => void
}

/** Runs the world of a seed, within `inVirtualTime`. */
export async function simulate(seed: number, options: Options = {}): Promise<Outcome> {
  const { shift = false, onLine } = options
  const random = new Random(seed)
  const time = new VirtualTime(random.fork())
  enter(time, random.fork())
  const history = new History(onLine)
  const violations: string[] = []

  const faults = chooseFaults(random, shift)
  const timeout = random.pick([300, 1000, 5000])
  const aheadMs = random.pick([0, 0, 7, -90_000, 500_000])
  const comparesItself = seed % 2 === 1
  const serverTime = () => dateAt(time.now) + network.aheadMs
  const server: RedisModel = new RedisModel(serverTime, comparesItself)
  const network = new Network(
    {
      ...{ time, random: random.fork(), history, server, faults, timeout },
      rate: random.pick([0.02, 0.05, 0.15, 0.3]),
      resends: random.chance(0.3),
      onDataLost: () => oracle.lose(),
      onSetBack: () => oracle.setBack(),
    },
    aheadMs,
  )
  const toWorldTime = (serverTime: number) => serverTime - network.aheadMs - dateAt(0)
  const writtenAt = new Map<string, number>()
  server.onWrite = (key) => writtenAt.set(key, time.now)
  server.onExpired = (key, at) => {
    oracle.expire(key.slice(2), network.facts.jumpedAt >= 0 ? time.now : toWorldTime(at))
  }
  const isSlow = random.chance(0.4)
  const oracle = new Oracle({
    ...{ time, facts: network.facts, timeout, faults, isSlow },
    truth: (sid, since) => {
      const end = server.expiryOf(`p:${sid}`)
      const changedAt = Math.max(writtenAt.get(`p:${sid}`) ?? 0, network.facts.jumpedAt)
      const isStale = changedAt >= Math.floor(since)
      return end === undefined || isStale ? undefined : toWorldTime(end)
    },
    onViolation: (rule, what) => {
      history.add(time.now, '*****', `(${rule}) ${what}`)
      violations.push(`(${rule}) ${what}`)
    },
  })
  const world: World = {
    ...{ time, random: random.fork(), history, oracle, timeout, sids: [], made: { count: 0 } },
    maxAge: random.pick([3000, 3_600_000, 86_400_000]),
    isSlow,
  }
  const known = { timeout, aheadMs, comparesItself, faults }
  history.add(0, 'seed', String(seed), { ...known, ...network.summary })
  const policy = random.pick(POLICIES)
  const areAlike = random.chance(0.7)
  const processes = Array.from({ length: 1 + random.int(3) }, (_, i) => {
    const own = areAlike ? policy : random.pick(POLICIES)
    const connection = network.connect(`client ${i}`)
    const isSolidis = random.chance(0.3)
    history.add(0, `store ${i}`, own, isSolidis ? 'over Solidis' : '')
    return new Process(
      world,
      i,
      isSolidis ? new SolidisModel(network, connection) : connection,
      own,
    )
  })

  let isOver = false
  const run = async () => {
    const names = ['Ann', 'Bob', 'Cid', 'Dot'].slice(0, 1 + random.int(4))
    const steps = 5 + random.int(12)
    await Promise.all(names.map((name) => new Actor(world, name, processes).run(steps)))
    await time.sleep(2 * timeout)
    network.heal()
    let healedAt: number
    do {
      healedAt = time.now
      await time.sleep(HEALED_MS)
    } while (time.stalls.some(({ end }) => end > healedAt))
    for (const { number, store } of processes) {
      if (store.state === 'closed') continue
      history.add(time.now, '*****', `(h) the breaker of store ${number} is still ${store.state}`)
      violations.push(`(h) the breaker of store ${number} is still ${store.state}`)
    }
    const auditor = new Process(world, -2, network.connect('auditor'), 'merge')
    for (const wait of [0, LATER_MS]) {
      await time.sleep(wait)
      for (const sid of world.sids) await new Actor(world, 'auditor', [auditor]).load(auditor, sid)
    }
    isOver = true
  }
  const running = run()
  await time.run(() => isOver, MAX_EVENTS)
  oracle.close()
  if (isOver) await running
  else {
    history.add(time.now, '*****', '(e) the world comes to no end')
    violations.push('(e) the world comes to no end')
  }
  return { seed, violations, history }
}

/** Not all at once, for what one hides another may show. */
function chooseFaults(random: Random, shift: boolean): Fault[] {
  if (random.chance(0.05)) return []
  if (random.chance(0.15)) return HARMLESS.filter(() => random.chance(0.6))
  const count = random.pick([1, 2, 3, 6])
  const faults: Fault[] = Array.from({ length: count }, () => random.pick(FAULTS))
  if (shift && random.chance(0.5)) faults.push(SHIFT)
  return [...new Set(faults)]
}
