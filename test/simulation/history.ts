import * as commands from '../../lib/redis/commands.ts'
import { uniqueId } from '../../lib/session/tag.ts'

/** Tags, and other ids that this process makes: all begin alike. */
const IDS = new RegExp(`(?<=\\$solidis\\W{3})[\\w.-]+|${uniqueId().slice(0, 8)}\\w+`, 'g')

type Entry = [time: number, who: string, what: string, details: unknown[]]

/** All that happened in a simulated world, to be read by a human if something went wrong. */
export class History {
  readonly #entries: Entry[] = []
  readonly #onLine: ((line: string) => void) | undefined
  /** They go on from world to world; by their order they are the same. */
  readonly #ids = new Map<string, string>()

  /** @param onLine is told of what happens when it does */
  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  /** @param details are not to be changed later; they are made text only if somebody reads it */
  add(time: number, who: string, what: string, ...details: unknown[]): void {
    const entry: Entry = [time, who, what, details]
    this.#entries.push(entry)
    this.#onLine?.(this.#lineOf(entry))
  }

  toString(): string {
    return this.#entries.map((entry) => this.#lineOf(entry)).join('\n')
  }

  #lineOf([time, who, what, details]: Entry): string {
    const texts = details.map((detail) => (typeof detail === 'string' ? detail : textOf(detail)))
    const line = `${String(time).padStart(9)} ${who.padEnd(9)} ${[what, ...texts].join(' ')}`
    return line.replace(IDS, (id) => {
      if (!this.#ids.has(id)) this.#ids.set(id, `#${this.#ids.size}`)
      return this.#ids.get(id) as string
    })
  }
}

function textOf(detail: unknown): string {
  if (detail instanceof Error) {
    return `${(detail as { code?: string }).code ?? detail.name}: ${detail.message}`
  }
  return JSON.stringify(detail, named)?.replaceAll('\\"', "'") ?? 'undefined'
}

/** Scripts by their names; of Redis, errors as they are. */
function named(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.message
  if (typeof value !== 'string' || value.length < 40) return value
  const script = Object.entries(commands).find(
    ([, one]) => one instanceof commands.Script && [one.sha1, one.source].includes(value),
  )
  return script?.[0] ?? value
}
