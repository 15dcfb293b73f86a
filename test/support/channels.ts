import { subscribe, unsubscribe } from 'node:diagnostics_channel'

export const CALL_EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']
export const POINTS = ['conflict', 'gone', 'invalid', 'evicted', 'breaker']
export const CHANNELS = [
  ...CALL_EVENTS.map((event) => `tracing:connect-solidis:call:${event}`),
  ...POINTS.map((name) => `connect-solidis:${name}`),
]

export interface Published {
  /** What is after the last colon. */
  readonly name: string
  readonly message: object
}

/** Notes what the store publishes from now on, until it is stopped. */
export function listen(names = CHANNELS) {
  const published: Published[] = []
  const listener = (message: unknown, channel: string | symbol) => {
    const name = String(channel).split(':').at(-1) as string
    published.push({ name, message: message as object })
  }
  for (const name of names) subscribe(name, listener)
  return {
    published,
    /** The contexts of the calls that are over. */
    calls: <T>() =>
      published.filter(({ name }) => name === 'asyncEnd').map(({ message }) => message as T),
    messages: (asked: string) =>
      published.filter(({ name }) => name === asked).map(({ message }) => message),
    stop() {
      for (const name of names) unsubscribe(name, listener)
    },
  }
}
