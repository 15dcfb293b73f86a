import type { Command } from '../../lib/redis/client.ts'
import {
  COMPARE_AND_SET,
  DESTROY,
  GET,
  GET_MANY,
  KEEP,
  NONCES,
  type Script,
  SET,
  TOUCH,
} from '../../lib/redis/commands.ts'

interface Entry {
  /** `undefined`: something that is no string. */
  readonly text: string | undefined
  /** By the clock of the server. */
  expiresAt: number
}

type Reply = string | number | null | Reply[]
type Call = (...command: (string | number)[]) => Reply
/** What a script does, in JavaScript. */
type Twin = (call: Call, key: string, args: string[], now: number) => Reply

/** What Redis replies instead of doing something. */
export class ReplyError extends Error {}

const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
const NO_ECHO = "ERR wrong number of arguments for 'echo' command"
const OK = 'OK'

const TWINS = new Map<Script, Twin>([
  [GET, (call, key, [nonce]) => [nonce as string, call('GET', key), call('PTTL', key)]],
  [
    COMPARE_AND_SET,
    (call, key, [nonce, payload, ttl, ...expected]) => {
      const held = call('GET', key) as string | null
      if (held === null) return -Number(nonce)
      if (held !== payload && !expected.includes(held)) return held
      setFor(call, key, payload as string, ttl as string)
      return Number(nonce)
    },
  ],
  [
    GET_MANY,
    (call, key, others) => {
      const nonce = others.pop() as string
      const told = (each: string) => [payloadOrRefusal(call, each), call('PTTL', each)]
      return [nonce, ...[key, ...others].flatMap(told)]
    },
  ],
  [
    SET,
    inTime((call, key, [payload, ttl, asked, ...expected], now, late) => {
      if (late !== undefined) {
        return late !== '0' && payloadOrRefusal(call, key) === payload ? now : -now
      }
      if (asked === 'there') {
        if (call('EXISTS', key) === 0) return 0
      } else if (asked !== 'any') {
        const held = call('GET', key) as string | null
        if (held === null && asked === 'held') return 0
        if (held !== null && held !== payload && !expected.includes(held)) return held
      }
      setFor(call, key, payload as string, ttl as string)
      return now
    }),
  ],
  [
    TOUCH,
    inTime((call, key, [ttl, limit], now, late) => {
      if (late !== undefined) return -now
      const left = call('PTTL', key) as number
      if (left === -2) return 0
      if (left <= Number(limit)) call('PEXPIRE', key, ttl as string)
      return now
    }),
  ],
  [
    DESTROY,
    inTime((call, key, _args, now, late) => {
      if (late !== undefined && call('EXISTS', key) === 1) return -now
      call('UNLINK', key)
      return now
    }),
  ],
])

/** @param twin is told the deadline if it is over */
function inTime(twin: (...args: [...Parameters<Twin>, late: string | undefined]) => Reply): Twin {
  return (call, key, [deadline, nonce, ...args], now) => {
    const late = now > Number(deadline) ? deadline : undefined
    const told = twin(call, key, args, now, late)
    return typeof told === 'number' ? told * NONCES + Number(nonce) : told
  }
}

function payloadOrRefusal(call: Call, key: string): Reply {
  try {
    return call('GET', key)
  } catch (error) {
    return [(error as ReplyError).message]
  }
}

function setFor(call: Call, key: string, payload: string, ttl: string): void {
  if (ttl === KEEP) call('SET', key, payload, 'KEEPTTL')
  else if (ttl === 'Infinity') call('SET', key, payload)
  else call('SET', key, payload, 'PX', ttl)
}

/** As much of Redis as the store uses. */
export class RedisModel {
  readonly #clock: () => number
  readonly #comparesItself: boolean
  readonly #entries = new Map<string, Entry>()
  readonly #scripts = new Set<string>()
  /** Is told of a key whose time is over when that is noticed. */
  onExpired: (key: string, at: number) => void = () => {}
  /** Is told of a key that may have been changed. */
  onWrite: (key: string) => void = () => {}

  /**
   * @param clock milliseconds since the epoch
   * @param comparesItself whether it knows SET with IFEQ
   */
  constructor(clock: () => number, comparesItself = false) {
    this.#clock = clock
    this.#comparesItself = comparesItself
  }

  /** Gives the reply to a command; an error reply as an `Error`. */
  execute(command: Command): Reply | ReplyError {
    try {
      return this.#run(command.map(String))
    } catch (error) {
      if (error instanceof ReplyError) return error
      throw error
    }
  }

  flushScripts(): void {
    this.#scripts.clear()
  }

  flushAll(): void {
    this.#entries.clear()
  }

  /** Lets everything end that is over. Gives the keys that are left. */
  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#entry(key) !== undefined)
  }

  /** When a key ends by the clock of the server; `undefined` if it is not there. */
  expiryOf(key: string): number | undefined {
    return this.#entry(key)?.expiresAt
  }

  #run([name = '', ...args]: string[]): Reply {
    const [key = '', ...rest] = args
    switch (name.toUpperCase()) {
      case 'GET':
        return this.#text(key)
      case 'PTTL': {
        const entry = this.#entry(key)
        if (entry === undefined) return -2
        return entry.expiresAt === Infinity ? -1 : entry.expiresAt - this.#clock()
      }
      case 'SET':
        return this.#set(key, rest)
      case 'HSET': {
        const entry = this.#entry(key)
        if (entry?.text !== undefined) throw new ReplyError(WRONGTYPE)
        this.#write(key, entry ?? { text: undefined, expiresAt: Infinity })
        return entry === undefined ? 1 : 0
      }
      case 'EXISTS':
        return this.#entry(key) === undefined ? 0 : 1
      case 'UNLINK': {
        const there = args.filter((each) => this.#entry(each) !== undefined)
        for (const each of args) {
          this.#entries.delete(each)
          this.onWrite(each)
        }
        return new Set(there).size
      }
      case 'PEXPIRE':
        return this.#expire(key, integer(rest[0]))
      case 'SCAN':
        return this.#scan(args)
      case 'TIME':
        return [String(Math.floor(this.#clock() / 1000)), String((this.#clock() % 1000) * 1000)]
      case 'ECHO':
        if (args.length !== 1) throw new ReplyError(NO_ECHO)
        return key
      case 'SCRIPT':
        this.flushScripts()
        return OK
      case 'EVAL':
      case 'EVALSHA':
        return this.#eval(name === 'EVAL', args)
      default:
        throw new ReplyError(`ERR unknown command '${name}'`)
    }
  }

  #entry(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#clock()) return entry
    this.#entries.delete(key)
    this.onExpired(key, entry.expiresAt)
    return undefined
  }

  #write(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    this.onWrite(key)
  }

  #text(key: string): string | null {
    const entry = this.#entry(key)
    if (entry === undefined) return null
    if (entry.text === undefined) throw new ReplyError(WRONGTYPE)
    return entry.text
  }

  #set(key: string, [text = '', ...options]: string[]): Reply {
    let expiresAt = Infinity
    let [isXX, isNX, isGet] = [false, false, false]
    let expected: string | undefined
    const before = this.#entry(key)
    for (let option = options.shift(); option !== undefined; option = options.shift()) {
      if (option === 'XX') isXX = true
      else if (option === 'NX') isNX = true
      else if (option === 'IFEQ' && this.#comparesItself) expected = options.shift()
      else if (option === 'GET') isGet = true
      else if (option === 'KEEPTTL') expiresAt = before?.expiresAt ?? Infinity
      else if (option === 'PX') {
        const ms = integer(options.shift())
        if (ms <= 0) throw new ReplyError("ERR invalid expire time in 'set' command")
        expiresAt = this.#clock() + ms
      } else throw new ReplyError('ERR syntax error')
    }
    const isCompared = expected !== undefined
    const held = isGet || isCompared ? this.#text(key) : null
    if (before === undefined ? isXX : isNX) return isGet ? held : null
    if (!isCompared || held === expected) this.#write(key, { text, expiresAt })
    if (isGet) return held
    return isCompared && held !== expected ? null : OK
  }

  #expire(key: string, ms: number): number {
    const entry = this.#entry(key)
    if (entry === undefined) return 0
    entry.expiresAt = this.#clock() + ms
    this.onWrite(key)
    if (ms <= 0) {
      this.#entries.delete(key)
      this.onExpired(key, this.#clock())
    }
    return 1
  }

  /** In one page. */
  #scan([cursor, ...options]: string[]): Reply {
    if (cursor !== '0') throw new ReplyError('ERR invalid cursor')
    const pattern = options[options.indexOf('MATCH') + 1] ?? '*'
    const source = pattern.replace(/\\?./g, (token) =>
      token === '*' ? '.*' : (token.at(-1)?.replace(/[^\w:]/, '\\$&') as string),
    )
    const regExp = new RegExp(`^${source}$`, 's')
    return ['0', this.keys().filter((key) => regExp.test(key))]
  }

  #eval(isSource: boolean, [which = '', , key = '', ...args]: string[]): Reply {
    for (const [script, twin] of TWINS) {
      if ((isSource ? script.source : script.sha1) !== which) continue
      if (isSource) this.#scripts.add(script.sha1)
      else if (!this.#scripts.has(which)) break
      const call: Call = (...command) => this.#run(command.map(String))
      return twin(call, key, args, this.#clock())
    }
    throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.')
  }
}

function integer(text = ''): number {
  if (/^-?\d+$/.test(text)) return Number(text)
  throw new ReplyError('ERR value is not an integer or out of range')
}
