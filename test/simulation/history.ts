import { createHash } from 'node:crypto'
import * as commands from '../../lib/redis/commands.ts'

/** All that happened in a simulated world, to be read by a human if something went wrong. */
export class History {
  readonly #entries: [time: number, who: string, what: string, details: unknown[]][] = []

  /** @param details are not to be changed later; they are made text only if somebody reads it */
  add(time: number, who: string, what: string, ...details: unknown[]): void {
    this.#entries.push([time, who, what, details])
  }

  toString(): string {
    const lines = this.#entries.map(([time, who, what, details]) => {
      const texts = details.map((detail) => (typeof detail === 'string' ? detail : textOf(detail)))
      return `${String(time).padStart(9)} ${who.padEnd(9)} ${[what, ...texts].join(' ')}`
    })
    return withoutTags(lines.join('\n'))
  }

  /** Of the same world, it is the same. */
  hash(): string {
    return createHash('sha1').update(this.toString()).digest('hex')
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

/** Tags go on from world to world; by their order they are the same. */
function withoutTags(text: string): string {
  const tags = new Map<string, string>()
  return text.replace(/(?<=\$solidis\W{3})[\w.-]+/g, (tag) => {
    if (!tags.has(tag)) tags.set(tag, `#${tags.size}`)
    return tags.get(tag) as string
  })
}
