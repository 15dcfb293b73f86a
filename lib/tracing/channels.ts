import { channel, tracingChannel } from 'node:diagnostics_channel'
import { type ShownError, shownError } from './shown-error.ts'

/** A method of a store of which the channels of `connect-solidis:call` tell. */
export type CallMethod =
  | 'get'
  | 'set'
  | 'destroy'
  | 'touch'
  | 'all'
  | 'length'
  | 'clear'
  | 'ids'
  | 'exists'
  | 'update'
  | 'findBy'
  | 'destroyBy'
  | 'reindex'
  | 'reencrypt'

/**
 * What became of a call: there is a session (`found`), or none; it was `written`; it was not, because
 * it had `gone`; what Redis holds is no session (`invalid`); nothing had to be sent or written
 * (`spared`); what was asked for is `done`; or it `failed`.
 */
export type CallOutcome =
  | 'found'
  | 'none'
  | 'written'
  | 'gone'
  | 'invalid'
  | 'spared'
  | 'done'
  | 'failed'

/**
 * What the channels of `connect-solidis:call` tell of a call, by the same object each time; complete from
 * `error` or `asyncStart` on. It says nothing of the session.
 */
export interface CallTrace {
  readonly method: CallMethod
  outcome?: CallOutcome
  /** Of the failure. */
  code?: string
  error?: ShownError
  /** How long the payload is that was read, or written where one was; not of what visits many sessions. */
  bytes?: number
  /** How often the session was written by another while it was to be compared and set. */
  retries: number
  /** How often it was merged with what another had written. */
  merges: number
  /** Whether anything was sent to Redis for it. */
  asked: boolean
}

/** What the other channels tell, by their names. */
export interface ChannelMessages {
  /** A session that is to be written was changed by another since it was loaded. */
  'connect-solidis:conflict': Readonly<Record<string, never>>
  /** As the event `gone`. */
  'connect-solidis:gone': Readonly<Record<string, never>>
  /** As the event `invalid`. */
  'connect-solidis:invalid': { readonly code: string }
  /** As the event `evicted`. */
  'connect-solidis:evicted': Readonly<Record<string, never>>
  /** As the event `breaker`; the code is of its cause. */
  'connect-solidis:breaker': {
    readonly state: 'closed' | 'open' | 'halfOpen'
    readonly code: string
  }
}

export const calls = tracingChannel<CallTrace>('connect-solidis:call')

const NAMES = ['conflict', 'gone', 'invalid', 'evicted', 'breaker']
const channels = new Map(NAMES.map((name) => [name, channel(`connect-solidis:${name}`)]))

/** Tells of what is not a call: of all that there is to say of it, what is not of the session. */
export function publish(name: string, all: object = {}): void {
  const told = channels.get(name)
  if (!told?.hasSubscribers) return
  const { state, error, cause } = all as { state?: string; error?: unknown; cause?: unknown }
  const failure = error ?? cause
  told.publish({
    ...(state === undefined ? {} : { state }),
    ...(failure === undefined ? {} : { code: shownError(failure).code }),
  })
}
