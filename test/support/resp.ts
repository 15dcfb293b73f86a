const CR = 13

/** Cuts what a server says into replies, of RESP2 and RESP3, however it was cut on the way. */
export class Replies {
  #rest: Buffer = Buffer.alloc(0)

  /** Gives the replies that are complete by now. */
  take(chunk: Buffer): Buffer[] {
    const text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const replies: Buffer[] = []
    let start = 0
    for (let end = endOf(text, 0); end !== -1; end = endOf(text, start)) {
      replies.push(text.subarray(start, end))
      start = end
    }
    this.#rest = text.subarray(start)
    return replies
  }
}

/** Where the reply ends that begins at `start`; -1 if its end is still to come. */
function endOf(text: Buffer, start: number): number {
  const lineEnd = text.indexOf(CR, start)
  if (lineEnd === -1 || lineEnd + 2 > text.length) return -1
  const next = lineEnd + 2
  const count = Number(text.toString('latin1', start + 1, lineEnd))
  switch (String.fromCharCode(text[start] as number)) {
    case '$':
    case '=':
    case '!': {
      const end = count < 0 ? next : next + count + 2
      return end > text.length ? -1 : end
    }
    case '*':
    case '~':
    case '>':
      return endOfMany(text, next, count)
    case '%':
      return endOfMany(text, next, 2 * count)
    default:
      return next
  }
}

function endOfMany(text: Buffer, start: number, count: number): number {
  let end = start
  for (let left = count; left > 0 && end !== -1; left--) {
    end = end === text.length ? -1 : endOf(text, end)
  }
  return end
}
