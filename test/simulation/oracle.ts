import { type Facts, type Fault, HARMLESS, TWICE } from './network.ts'
import { Register, type Span, type Written } from './register.ts'
import type { VirtualTime } from './virtual-time.ts'

export type Policy = 'merge' | 'overwrite' | 'reject' | 'function'

/** The attributes that browsers and jobs change; besides, each session has its `owner` and a `count`. */
export const NAMES = ['a', 'b', 'c'] as const
type Failure = (Error & { code?: string }) | null
export type Attributes = Readonly<Partial<Record<string, unknown>>>

export interface Cookie {
  readonly expiresAt: number
  readonly maxAge: number | null
}

/** A session as a call gives it. */
export interface Found {
  readonly attributes: Attributes
  /** By the time of the world. */
  readonly expiresAt?: number
}

/** How late a call may be told of its outcome after the process was stalled (lib/redis/deadline.ts). */
const GRACE_MS = 200
/** By how much a life is longer than its caller knows before a touch leaves it (lib/concurrency/). */
const KNOWN_MS = 1000
/** Each clock that is read on the way may round. */
const ROUNDING_MS = 3
/** Of so many failed writes an object keeps what it was before them (lib/concurrency/write.ts). */
const MAX_UNKNOWNS = 8

/** A call of the store. */
export interface Call extends Span {
  readonly name: string
  readonly sid: string | undefined
  /** Whether nothing else of its session was under way in its process. */
  readonly isAlone: boolean
  settlements: number
  /** Whether its reply is not to be believed. */
  isDistrusted: boolean
}

/** When a session is to end: that late, or as much later as the write was applied late. */
interface Life {
  readonly from: number
  to: number
  /** Whether it stands whatever there was; else a longer life may be left as it is. */
  readonly isExact: boolean
  /** Whether it may come late: over a touch too, which changes nothing that is compared. */
  isLate: boolean
  /** Whether a longer life, of which the caller did not know, has to be left as it is. */
  readonly isYielding: boolean
}

/** What may have become of a session's attributes by a call, and of whose object. */
interface Change extends Span {
  readonly by: object
  isSure: boolean
}

/** What is known of one session. */
class Known {
  readonly isThere = new Register<boolean>()
  readonly attributes = new Map<string, Register<unknown>>()
  readonly life = new Register<Life>()
  readonly updates = new Register<undefined>()
  readonly changes: Change[] = []
  /** Who has changed how long it lives from a touch on. */
  readonly maxAgeChangers = new Set<object>()
  /** What the counter was seen to be. */
  readonly counts: { readonly at: number; readonly count: number }[] = []
  /** Whether only updates change the counter. */
  isCounted = true
  /** Whether nobody has given an attribute a value that it had before. */
  isUnique = true

  constructor() {
    const before = { process: -1, start: -2, end: -1 }
    this.isThere.note(before, false)
    for (const name of NAMES) {
      this.attributes.set(name, new Register())
      this.attributes.get(name)?.note(before, undefined)
    }
  }
}

/** What is known of a session object: from what its changes count. */
export class Handle {
  readonly sid: string
  readonly process: number
  /** By name, what the attribute may have been when Redis came to hold what the object was. */
  readonly bases = new Map<string, Set<unknown>>()
  /** As what it is being written. */
  readonly pending: Attributes[] = []
  /** When it was loaded, or last written with an answer; `undefined`: it is new. */
  since: Span | undefined
  /** Likewise, but with nobody else's change in between. */
  seenSince = Infinity
  /** How many writes failed since then. */
  unknowns = 0
  /** Whether nobody can tell what has become of its last write or touch. */
  isVague = false
  /** Whether so many writes failed that the store has forgotten some. */
  hasForgotten = false
  /** Whether one of the writes that failed may never have been sent: then it is no base of changes. */
  hasUnsent = false
  /** Its cookie, and when its caller knows that it ends. */
  cookie: Cookie | undefined
  endsAt = 0

  constructor(sid: string, process: number, loaded: Attributes = {}, since?: Span) {
    this.sid = sid
    this.process = process
    this.is(loaded)
    this.since = since
    if (since !== undefined) this.seenSince = since.start
  }

  /** Whether there is no doubt as what Redis last came to hold it. */
  get isClear(): boolean {
    return this.unknowns === 0 && this.pending.length === 0 && !this.isVague
  }

  /** Whether changes of others may have been merged into what was last written of it. */
  get #wasMerged(): boolean {
    return this.since !== undefined && this.seenSince < this.since.start
  }

  is(attributes: Attributes): void {
    for (const name of NAMES) this.bases.set(name, new Set([attributes[name]]))
  }

  mayBe(attributes: Attributes): void {
    for (const name of NAMES) this.bases.get(name)?.add(attributes[name])
    this.unknowns++
    if (this.unknowns > MAX_UNKNOWNS) this.hasForgotten = true
  }

  /**
   * Whether a save writes an attribute: what it differs from may depend on what becomes of the saves
   * before it.
   * @param isMerged whether it may have been merged with what others wrote in its process
   */
  writes(name: string, value: unknown, isMerged: boolean): 'surely' | 'maybe' | 'not' {
    const bases = [...(this.bases.get(name) as Set<unknown>)]
    const differs = bases.some((base) => base !== value)
    const isSent = !this.hasUnsent || bases.every((base) => base !== value)
    const last = this.pending.at(-1)
    if (last === undefined) {
      if (!differs) return 'not'
      // What was merged may hold what only one of the bases stands for.
      const isClear = !(isMerged || this.#wasMerged) || bases.every((base) => base !== value)
      return this.hasForgotten || this.isVague || !isClear || !isSent ? 'maybe' : 'surely'
    }
    const isClear = isSent && !this.isVague && !isMerged && !this.#wasMerged
    if (differs && last[name] !== value && isClear) return 'surely'
    return differs || this.pending.some((one) => one[name] !== value) ? 'maybe' : 'not'
  }
}

/** A call that writes, and what it writes. */
export class Writing {
  readonly call: Call
  readonly known: Known
  readonly change: Change | undefined
  /** Whether it is applied only where Redis holds what is expected. */
  isComparing = false
  /** Whose object it is, if another that changes how long the session lives makes its life unsure. */
  soleChanger: Handle | undefined
  /** Whether it may be applied until its deadline, even if others have written since. */
  readonly isUnguarded: boolean
  readonly surely: Written[] = []
  readonly maybe: Written[] = []
  readonly lives: Written<Life>[] = []

  constructor(call: Call, known: Known, isUnguarded: boolean, by?: object) {
    this.call = call
    this.known = known
    this.isUnguarded = isUnguarded
    if (by === undefined) return
    this.change = { ...call, by, isSure: false }
    known.changes.push(this.change)
  }
}

export interface OracleOptions {
  readonly time: VirtualTime
  readonly facts: Facts
  readonly timeout: number
  /** Whether serializers are asynchronous. */
  readonly isSlow: boolean
  /** What goes wrong in this world. */
  readonly faults: readonly Fault[]
  /** When Redis lets a session end; `undefined` if it was written since a time, or is not there. */
  readonly truth: (sid: string, writtenSince: number) => number | undefined
  readonly onViolation: (rule: string, what: string) => void
}

/**
 * Holds what callers are told against the semantics 4 to 8 of the design. Of each call it knows only
 * when it was made, with what, and what its caller was told when.
 */
export class Oracle {
  readonly #options: OracleOptions
  readonly #known = new Map<string, Known>()
  readonly #underWay = new Set<Call>()
  /** What may be applied until its deadline. */
  readonly #late = new Set<Written>()
  /** The processes in which a call was given the reply of another. */
  readonly #distrusting = new Set<number>()
  #stamps = 0

  constructor(options: OracleOptions) {
    this.#options = options
  }

  /** Now, and later than all before. */
  #now(): number {
    return this.#options.time.now + this.#stamps++ * 1e-6
  }

  get #isTrustworthy(): boolean {
    return this.#options.time.now < this.#options.facts.shiftedAt
  }

  #of(sid: string): Known {
    let known = this.#known.get(sid)
    if (known === undefined) {
      known = new Known()
      this.#known.set(sid, known)
    }
    return known
  }

  get sids(): string[] {
    return [...this.#known.keys()]
  }

  #fail(rule: string, what: string): void {
    this.#options.onViolation(rule, what)
  }

  beginCall(process: number, name: string, sid?: string): Call {
    const isAlone = ![...this.#underWay].some(
      (other) => other.process === process && other.sid === sid,
    )
    const start = this.#now()
    const call = {
      process,
      name,
      sid,
      isAlone,
      start,
      end: Infinity,
      settlements: 0,
      isDistrusted: false,
    }
    this.#underWay.add(call)
    return call
  }

  /**
   * (e) A call is settled once, not before it has returned, and no later than `timeout`, plus the
   * grace if the process was stalled; where nothing goes wrong, it does not fail; where the process is
   * but stalled, an answer that came meanwhile is not lost (of reads, which take one answer).
   */
  endCall(call: Call, error: (Error & { code?: string }) | null): void {
    const { time, timeout, faults } = this.#options
    call.settlements++
    if (call.settlements > 1) this.#fail('e', `${call.name} is settled twice`)
    call.end = this.#now()
    this.#underWay.delete(call)
    const stalls = time.stalls.filter(({ end }) => end >= Math.floor(call.start))
    const stalledMs = stalls.reduce((sum, { start, end }) => sum + end - start + GRACE_MS, 0)
    // What visits many sessions may wait so long for each answer.
    const limit = call.name === 'all' ? Infinity : timeout + stalledMs + 1
    if (call.end - call.start > limit) this.#fail('e', `${call.name} is settled late`)
    this.#checkDistrust(call, error)
    if (error === null || error.code === 'ECONFLICT') return
    const isHarmless = faults.every((fault) => HARMLESS.includes(fault))
    const isOneAnswer = ['get', 'exists'].includes(call.name) && call.isAlone
    // Who waits for others may wait too long. Of two stalls, one in the grace of the other shares it.
    const isShort = isOneAnswer || (stalls.length === 0 && timeout >= 1000)
    const near = time.stalls.filter(({ end }) => end + 2 * GRACE_MS >= Math.floor(call.start))
    if (isHarmless && isShort && near.length <= 1) {
      this.#fail('e', `${call.name} fails, though it was answered: ${error.message}`)
    }
  }

  /**
   * (d) Once a call has been given the reply of another, no call gets one that was under way then. Known
   * of reads that wait for nothing else, and of the first time in a process.
   */
  #checkDistrust(call: Call, error: Failure): void {
    if (call.isDistrusted && error === null) this.#fail('d', `${call.name} believes its reply`)
    if (error?.code !== 'EFOREIGN' || this.#distrusting.has(call.process)) return
    this.#distrusting.add(call.process)
    for (const other of this.#underWay) {
      const isRead = other.name === 'exists' || (other.name === 'get' && !this.#options.isSlow)
      const isSent = isRead && other.isAlone && other.start < this.#options.time.now
      if (isSent && other.process === call.process) other.isDistrusted = true
    }
  }

  /** (e) Nothing is left when all is over. */
  close(): void {
    for (const { name } of this.#underWay) this.#fail('e', `${name} is never settled`)
  }

  /** A whole session in place of what there is, if anything. */
  put(call: Call, sid: string, ours: Attributes, cookie: Cookie): Writing {
    const known = this.#of(sid)
    const writing = new Writing(call, known, true, {})
    known.isCounted = false
    known.isUnique = false
    known.maxAgeChangers.add(writing)
    writing.surely.push(known.isThere.begin(call, true))
    for (const [name, register] of known.attributes) {
      writing.surely.push(register.begin(call, ours[name]))
    }
    this.#live(writing, cookie, true, true, false)
    return writing
  }

  /** What an object has changed; and all that it has, where a policy may put that over others'. */
  save(call: Call, handle: Handle, ours: Attributes, cookie: Cookie, policy: Policy): Writing {
    const known = this.#of(handle.sid)
    const isNew = handle.since === undefined
    const writing = new Writing(call, known, isNew, handle)
    const isMerging = policy === 'merge' || policy === 'reject'
    const isMerged = this.#isChangedByOthers(handle, handle.process)
    writing.isComparing = !isNew || handle.unknowns + handle.pending.length > 0
    if (!isMerging) {
      known.isCounted = false
      known.maxAgeChangers.add(handle)
    }
    if (isNew) {
      handle.seenSince = Math.min(handle.seenSince, call.start)
      // Who tries again to create a session begins it anew if it is gone meanwhile.
      if (writing.isComparing) {
        Object.assign(known, { isCounted: false, isUnique: false })
        known.maxAgeChangers.add(handle)
      }
      writing.surely.push(known.isThere.begin(call, true))
    }
    for (const [name, register] of known.attributes) {
      const value = ours[name]
      const isWritten = handle.writes(name, value, isMerged)
      // The function lets what others wrote stand where ours has nothing.
      const isDeleted = policy === 'function' && value === undefined
      if (isWritten === 'surely' && !isDeleted) writing.surely.push(register.begin(call, value))
      else if (isWritten !== 'not' || !isMerging || isNew) {
        writing.maybe.push(register.begin(call, value))
      }
    }
    const isMoved = isNew || !isSameCookie(cookie, handle.cookie)
    if (isMoved || handle.isVague) this.#saveLife(writing, handle, cookie)
    handle.pending.push(ours)
    return writing
  }

  #saveLife(writing: Writing, handle: Handle, cookie: Cookie): void {
    const { known } = writing
    const isNew = handle.since === undefined
    const isClear = handle.isClear
    const changesMaxAge = !isNew && cookie.maxAge !== handle.cookie?.maxAge
    if (changesMaxAge) known.maxAgeChangers.add(handle)
    const isSole = !isNew && !changesMaxAge
    if (isSole) writing.soleChanger = handle
    const isSure = isNew || (isClear && !(isSole && hasOthers(known.maxAgeChangers, handle)))
    // Unlike a touch, it does not ask whether another touch has lengthened the life.
    this.#live(writing, cookie, true, isSure, false)
  }

  touch(call: Call, handle: Handle, ours: Attributes, cookie: Cookie): Writing {
    const known = this.#of(handle.sid)
    const { isClear } = handle
    const changesMaxAge = cookie.maxAge !== handle.cookie?.maxAge
    if (isClear && !changesMaxAge) {
      const writing = new Writing(call, known, true)
      const isYielding = this.#isLonger(known, call, cookie, handle)
      this.#live(writing, cookie, false, true, isYielding)
      return writing
    }
    known.maxAgeChangers.add(handle)
    const writing = new Writing(call, known, false, handle)
    writing.isComparing = true
    // If the writes before it get their answers, it is a mere touch after all.
    this.#live(writing, cookie, true, isClear, false, isClear)
    if (isClear) return writing
    // After a write without an answer, all that is changed is written with the cookie.
    for (const [name, register] of known.attributes) {
      if (handle.writes(name, ours[name], true) === 'not') continue
      writing.maybe.push(register.begin(call, ours[name]))
    }
    return writing
  }

  /** Whether a session surely lives longer than a caller knows, and than it is to. */
  #isLonger(known: Known, call: Call, { expiresAt }: Cookie, { endsAt }: Handle): boolean {
    const lives = this.#lives(known, { ...call, end: call.start })
    const least = Math.min(...lives.map(({ from }) => from))
    return least > Math.max(expiresAt, endsAt) + KNOWN_MS + ROUNDING_MS
  }

  #live(
    writing: Writing,
    { expiresAt }: Cookie,
    isExact: boolean,
    isSure: boolean,
    isYielding: boolean,
    isInOrder = isExact,
  ): void {
    const life = { from: expiresAt, to: Infinity, isExact, isYielding, isLate: false }
    // Nobody waits for a touch: where the server does not know its script, or its deadline was wrong,
    // it is sent again, after what was called later.
    const written = writing.known.life.begin(writing.call, life, isInOrder)
    writing.lives.push(written)
    ;(isSure ? writing.surely : writing.maybe).push(written as Written)
  }

  destroy(call: Call, sid: string): Writing {
    const writing = new Writing(call, this.#of(sid), true)
    writing.surely.push(writing.known.isThere.begin(call, false))
    return writing
  }

  /** @param isInOrder not if the change is asynchronous: then others need not wait for it */
  update(call: Call, sid: string, changed: Attributes, isInOrder: boolean): Writing {
    const known = this.#of(sid)
    const writing = new Writing(call, known, false, {})
    writing.surely.push(known.updates.begin(call, undefined, isInOrder))
    for (const [name, value] of Object.entries(changed)) {
      const register = known.attributes.get(name) as Register<unknown>
      writing.surely.push(register.begin(call, value, isInOrder))
    }
    return writing
  }

  /** Somebody has written a value for the second time. */
  repeated(sid: string): void {
    this.#of(sid).isUnique = false
  }

  #forget({ surely, maybe, known, change }: Writing): void {
    for (const written of [...surely, ...maybe]) written.forget()
    if (change) known.changes.splice(known.changes.indexOf(change), 1)
  }

  /**
   * What the caller was told of a call that writes, after `endCall`.
   * @param isGone whether a `'gone'` event may have told that there was nothing to write to
   */
  end(writing: Writing, error: (Error & { code?: string }) | null, isGone = false): void {
    const { call, known, surely, maybe, lives, change, isUnguarded, isComparing } = writing
    const { timeout, faults } = this.#options
    const all = [...surely, ...maybe]
    const isTwice = faults.some((fault) => TWICE.includes(fault))
    // One that arrives twice may be written, and be in conflict with what another has made of that.
    if (error?.code === 'ECONFLICT' && this.#isTrustworthy && !isTwice) {
      this.#forget(writing)
      return
    }
    // What compare and set does not guard may be applied until its deadline, and not later. One that
    // comes late finds what it expects only if nobody has written since.
    const isLate = error !== null || isTwice
    for (const written of all) {
      written.end = Math.min(written.end, call.end)
      written.until = call.end
      if (isUnguarded && isLate) this.#late.add(written)
    }
    for (const { value } of lives) {
      value.isLate = isLate && isComparing
      if (!isLate) value.to = value.from + call.end - call.start
      else if (!isComparing) value.to = value.from + timeout
    }
    this.setBack()
    if (error !== null || isGone || !this.#isTrustworthy) return
    const { soleChanger } = writing
    const isLifeSure = soleChanger === undefined || !hasOthers(known.maxAgeChangers, soleChanger)
    for (const written of surely) {
      written.isSure = isLifeSure || !lives.includes(written as Written<Life>)
    }
    if (change) change.end = call.end
    const registers = [...known.attributes.values()]
    const isChange = surely.some((one) => registers.some(({ writes }) => writes.includes(one)))
    if (change && isChange) change.isSure = true
  }

  /** What an object was written as; `policy` of its process. */
  endSave(
    writing: Writing,
    handle: Handle,
    ours: Attributes,
    policy: Policy,
    error: Error | null,
    isGone: boolean,
  ): void {
    const isConflict = (error as { code?: string } | null)?.code === 'ECONFLICT'
    handle.pending.splice(handle.pending.indexOf(ours), 1)
    if (isConflict) this.conflict(writing.call, handle, policy)
    if (isGone) handle.isVague = true
    if (error !== null || isGone) {
      // After a conflict it is what it was, unless it was written and sent again.
      if (isConflict) handle.isVague = true
      else handle.mayBe(ours)
      if (this.#isPerhapsUnsent(writing.call, handle, error)) handle.hasUnsent = true
      return
    }
    if (policy === 'reject') this.#checkRejected(writing, handle)
    const { call } = writing
    handle.is(ours)
    handle.unknowns = 0
    handle.hasUnsent = false
    if (!this.#isChangedByOthers(handle)) handle.seenSince = call.start
    handle.since = call
  }

  /**
   * Whether a call failed at once, or waited for others, or for the process, until its time was up; or
   * was refused for what others had written, and had no time left to try again.
   */
  #isPerhapsUnsent({ isAlone }: Call, handle: Handle, error: Failure): boolean {
    if (error?.code === 'EBREAKER') return true
    const hasWaited = !isAlone || this.#options.time.stalls.length > 0
    return error?.code === 'ETIMEDOUT' && (hasWaited || this.#isChangedByOthers(handle))
  }

  /** (c) Only what another has written, or may have, is a conflict. */
  conflict(call: Call, handle: Handle, policy?: Policy): void {
    if (!this.#isTrustworthy) return
    if (policy === 'merge' || policy === 'overwrite') {
      this.#fail('c', `${call.name} fails by a conflict, though it may not`)
    }
    const isKnown = !handle.hasForgotten && !this.#isRevived(handle)
    if (isKnown && !this.#isChangedByOthers(handle)) {
      this.#fail('c', `${call.name} is in conflict with its own writes`)
    }
  }

  /** Whether it may have been destroyed, and be there again because a write of it has arrived twice. */
  #isRevived({ sid, seenSince }: Handle): boolean {
    const isTwice = this.#options.faults.some((fault) => TWICE.includes(fault))
    const { writes } = this.#of(sid).isThere
    return isTwice && writes.some(({ value, end }) => !value && end > seenSince)
  }

  #isChangedByOthers(handle: Handle, inProcess?: number): boolean {
    const now = this.#now()
    return this.#of(handle.sid).changes.some(
      ({ by, start, end, process }) =>
        by !== handle &&
        end > handle.seenSince &&
        start < now &&
        (inProcess ?? process) === process,
    )
  }

  /**
   * (b) With 'reject', of two changes of what was loaded alike one is acknowledged. Checked where both
   * are sure to be changes, and the session was there throughout.
   */
  #checkRejected({ call, known, change }: Writing, handle: Handle): void {
    const { since } = handle
    const isClear = since && handle.isClear && known.isUnique
    if (!isClear || !change?.isSure) return
    if (known.isThere.possible({ ...call, start: since.start }).some(({ value }) => !value)) return
    const isLost = known.changes.some(
      ({ by, isSure, start, end }) =>
        by !== handle && isSure && start > since.end && end < call.start,
    )
    if (isLost) this.#fail('b', 'of two changes from the same base both are acknowledged')
  }

  /** The clock of the server may have been set back: then deadlines are over later. */
  setBack(): void {
    const { timeout, facts } = this.#options
    for (const written of this.#late) {
      written.until = Math.max(written.end, written.start + timeout + facts.setBackMs + 1)
    }
  }

  /** The server has lost all. */
  lose(): void {
    const now = this.#now()
    for (const known of this.#known.values()) {
      known.isThere.note({ process: -1, start: now, end: now }, false)
    }
  }

  /** (g) A session ends no earlier than somebody wanted. */
  expire(sid: string, at: number): void {
    const known = this.#of(sid)
    const span = { process: -1, start: at, end: at }
    const isDue = this.#lives(known, span).some(({ from }) => from <= at + ROUNDING_MS)
    if (!isDue && this.#isLifeKnown) this.#fail('g', `${sid} ends too early, at ${at}`)
    known.isThere.note(span, false)
  }

  get #isLifeKnown(): boolean {
    return this.#isTrustworthy && this.#options.facts.jumpedAt < 0
  }

  /** (d) Nobody is given the session of another. */
  checkOwner(sid: string, attributes: Attributes, where: string): void {
    if (attributes.owner !== sid) this.#fail('d', `${where} of ${sid} is given ${attributes.owner}`)
  }

  /** What a call, now over, gives of a session; `null`: that there is none. */
  read(sid: string, call: Call, found: Found | null): void {
    if (found !== null) this.checkOwner(sid, found.attributes, call.name)
    if (!this.#isTrustworthy) return
    const known = this.#of(sid)
    this.exists(sid, call, found !== null)
    if (found === null) return
    this.#checkAttributes(sid, known, call, found.attributes)
    if (known.isCounted) this.#checkCount(sid, known, call, Number(found.attributes.count ?? 0))
    if (found.expiresAt !== undefined) this.#checkLife(sid, known, call, found.expiresAt)
  }

  /**
   * (a) What was destroyed, or has expired, is not there, unless somebody has created it since, or is
   * doing so; (b) and what was created is.
   */
  exists(sid: string, call: Call, isThere: boolean): void {
    if (!this.#isTrustworthy) return
    const known = this.#of(sid)
    if (!known.isThere.see(call, (value) => value === isThere)) {
      if (isThere) this.#fail('a', `${sid} has come back`)
      else this.#fail('b', `${sid} is lost`)
    }
    if (!isThere) known.isThere.note(call, false)
    // What is created once more counts from the beginning.
    else if (known.isThere.writes.some(({ value, start }) => !value && start >= 0)) {
      known.isCounted = false
    }
  }

  /** (b) and (f): each attribute holds what somebody has written, and nobody surely later. */
  #checkAttributes(sid: string, known: Known, call: Call, attributes: Attributes): void {
    for (const [name, register] of known.attributes) {
      const value = attributes[name]
      if (register.see(call, (other) => other === value)) continue
      const possible = register.possible(call).map((one) => String(one.value))
      this.#fail('b', `${sid}.${name} is ${value}, not ${possible.join(' or ')}`)
    }
  }

  /** (b) As many updates as were acknowledged are counted, and at most those that may have been. */
  #checkCount(sid: string, known: Known, call: Call, count: number): void {
    const seen = known.counts.filter(({ at }) => at < call.start).map(({ count }) => count)
    const least = Math.max(known.updates.before(call).length, ...seen)
    const { length } = known.updates.writes.filter(({ start }) => start <= call.end)
    // One that arrives twice, and finds the second time what another has written since, counts again.
    const isTwice = this.#options.faults.some((fault) => TWICE.includes(fault))
    const most = isTwice ? 2 * length : length
    if (count < least || count > most) {
      this.#fail('b', `${sid}.count is ${count}, not ${least} to ${most}`)
    }
    known.counts.push({ at: call.end, count })
  }

  /**
   * (g) A session ends when Redis lets it, and that is when somebody wanted it to who was not surely
   * followed by another, and knew of longer lives. What a write is late by, its life may be longer.
   */
  #checkLife(sid: string, known: Known, call: Call, expiresAt: number): void {
    const { truth } = this.#options
    const latencyMs = call.end - call.start + ROUNDING_MS
    const isBetween = (from: number, to: number) =>
      from - ROUNDING_MS <= expiresAt && expiresAt - latencyMs <= to
    const real = truth(sid, call.start)
    if (real !== undefined && !isBetween(real, real)) {
      this.#fail('g', `${sid} is said to end at ${expiresAt}, not at ${real}`)
    }
    if (!this.#isLifeKnown) return
    const lives = this.#lives(known, call)
    if (lives.some(({ from, to }) => isBetween(from, to))) return
    const possible = lives.map(({ from, to }) => `${from} to ${to}`)
    this.#fail('g', `${sid} ends at ${expiresAt}, not at ${possible.join(' or ')}`)
  }

  #lives(known: Known, span: Span): Life[] {
    const { writes } = known.life
    const isMoved = (one: Written<Life>) =>
      writes.some((other) => other !== one && other.value.isExact && overlaps(one, other))
    return known.life

      .possible(
        span,
        ({ value }, { value: earlier }) =>
          value.isExact || (earlier.from < value.from && !earlier.isLate),
      )
      .filter((one) => !one.value.isYielding || isMoved(one))
      .map(({ value }) => value)
  }
}

function hasOthers(changers: ReadonlySet<object>, one: object): boolean {
  return changers.size > (changers.has(one) ? 1 : 0)
}

function overlaps(one: Span, other: Span): boolean {
  return one.start <= other.end && other.start <= one.end
}

export function isSameCookie(one: Cookie, other: Cookie | undefined): boolean {
  return one.expiresAt === other?.expiresAt && one.maxAge === other.maxAge
}
