import type { SessionData } from 'express-session'
import { PayloadTooLargeError } from '../errors.ts'

/** UTF-8 has at most so many bytes for what is one unit of a string. */
const MAX_BYTES_A_UNIT = 3

/** @throws PayloadTooLargeError if the text of a session has more bytes than it may have */
export function checkSize(session: SessionData, text: string, maxPayload: number): void {
  if (text.length * MAX_BYTES_A_UNIT <= maxPayload) return
  const size = Buffer.byteLength(text)
  if (size > maxPayload) throw new PayloadTooLargeError(size, maxPayload, largestOf(session))
}

/** By the size of its JSON, whatever the serializer. */
function largestOf(session: SessionData): string | undefined {
  let largest: { name: string; size: number } | undefined
  for (const [name, value] of Object.entries(session)) {
    const size = sizeOf(value)
    if (largest === undefined || size > largest.size) largest = { name, size }
  }
  return largest?.name
}

function sizeOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch {
    return 0
  }
}
