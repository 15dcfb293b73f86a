/** From when until when something went on, and in which process. */
export interface Span {
  readonly process: number
  readonly start: number
  /** `Infinity` while it goes on. */
  end: number
}

/** Something that may have been written. */
export interface Written<V = unknown> extends Span {
  readonly value: V
  /** Until when it may be applied, even after its caller was told that it is: it may arrive twice. */
  until: number
  /** Whether it is known to be written. */
  isSure: boolean
  /** Whether it takes its place among the calls of its process: it is not applied after later ones. */
  isInOrder: boolean
  /** It was not written after all. */
  forget(): void
}

/**
 * What one thing may hold, by all that was written of it: a value that was, unless something else was
 * surely written after it, and before it was looked at.
 */
export class Register<V> {
  readonly writes: Written<V>[] = []

  begin({ process, start }: Span, value: V, isInOrder = true): Written<V> {
    const forget = () => {
      this.writes.splice(this.writes.indexOf(written), 1)
    }
    const span = { process, start, end: Infinity, until: Infinity }
    const written = { ...span, value, isSure: false, isInOrder, forget }
    this.writes.push(written)
    return written
  }

  /** Something that was surely written, or seen to be, at a time within a span. */
  note(span: Span, value: V): void {
    Object.assign(this.begin(span, value, false), { end: span.end, until: span.end, isSure: true })
  }

  /** What had surely been written before a span began. */
  before(span: Span): Written<V>[] {
    const isSeen = (one: Written) =>
      one.end < span.start || (one.end <= span.end && isCalledBefore(one, span))
    return this.writes.filter((one) => one.isSure && isSeen(one))
  }

  /** What may have been there at a time within a span. */
  possible(
    span: Span,
    replaces: (later: Written<V>, earlier: Written<V>) => boolean = () => true,
  ): Written<V>[] {
    const later = this.before(span)
    return this.writes.filter(
      (one) =>
        one.start <= span.end && !later.some((other) => isOver(one, other) && replaces(other, one)),
    )
  }

  /** Takes what was seen: if only one can have written that, it has. */
  see(span: Span, isSeen: (value: V) => boolean): boolean {
    const seen = this.possible(span).filter(({ value }) => isSeen(value))
    const [one] = seen
    if (one === undefined) return false
    if (seen.length === 1) Object.assign(one, { isSure: true, end: Math.min(one.end, span.end) })
    return true
  }
}

/** Whether something is no longer applied when something else begins, or not after it. */
function isOver(one: Written, other: Written): boolean {
  if (one.until < other.start) return true
  return one.until === one.end && other.isInOrder && isCalledBefore(one, other)
}

function isCalledBefore(one: Written, other: Span): boolean {
  return one.isInOrder && one.process === other.process && one.start < other.start
}
