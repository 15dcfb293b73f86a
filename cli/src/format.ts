const COUNT = new Intl.NumberFormat('en-US')

export function countOf(number: number): string {
  return COUNT.format(number)
}

export function sessionsOf(number: number): string {
  return `${countOf(number)} ${number === 1 ? 'session' : 'sessions'}`
}

export function bytesOf(bytes: number): string {
  return bytes < 10_000 ? `${countOf(bytes)} B` : `${countOf(Math.round(bytes / 1000))} kB`
}

const UNITS: [name: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
]

/** When something ends, and how long that is from now. */
export function expiryOf(expiresAt: Date | null | undefined): string {
  if (expiresAt === undefined) return 'unknown'
  if (expiresAt === null) return 'never'
  const leftMs = expiresAt.getTime() - Date.now()
  const [name, ms] = UNITS.find(([, unit]) => leftMs >= 2 * unit) ?? ['s', 1000]
  const left = `${Math.max(0, Math.floor(leftMs / ms))} ${name}`
  return `${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, in ${left}`
}

/** When something ends, for programs. */
export function isoOf(expiresAt: Date | null | undefined): string {
  return expiresAt === null ? 'never' : (expiresAt?.toISOString() ?? 'unknown')
}

/**
 * What sessions contain may have come from anybody, so on its way to a terminal or a line of text it must
 * not move the cursor, nor pretend to be something else.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (each) => {
    const code = each.codePointAt(0) ?? 0
    return `\\u{${code.toString(16)}}`
  })
}
