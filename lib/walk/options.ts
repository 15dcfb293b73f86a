import { badArgument, isObject } from '../errors.ts'

/** Options of the methods that visit many sessions, in place of a callback. */
export interface WalkOptions {
  /** Ends the walk when it is aborted: no more commands are sent, and the call fails with its reason. */
  signal?: AbortSignal | undefined
  /** Is told of the number of sessions so far, once a page. What it throws ends the walk. */
  onProgress?: ((progress: WalkProgress) => void) | undefined
}

/** How far a walk has come. */
export interface WalkProgress {
  readonly done: number
}

/** Whether options were given, and not a callback or nothing. */
export function isWalkOptions(first: unknown): first is WalkOptions {
  return isObject(first) && !Array.isArray(first)
}

/** @throws TypeError that names the bad option */
export function checkWalkOptions(options: WalkOptions): void {
  for (const name of Object.keys(options)) {
    if (name === 'signal' || name === 'onProgress') continue
    const error = new TypeError(
      `${name}: there is no such option; the options are signal, onProgress`,
    )
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' })
  }
  const { signal, onProgress } = options
  if (signal !== undefined && !isSignal(signal)) {
    throw badArgument('signal', 'an AbortSignal', signal)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw badArgument('onProgress', 'a function', onProgress)
  }
}

/** Yields pages, and tells of the progress when one has been used. */
export async function* telling<T>(
  pages: AsyncIterable<T[]>,
  onProgress: WalkOptions['onProgress'],
): AsyncGenerator<T[]> {
  let done = 0
  for await (const page of pages) {
    yield page
    done += page.length
    onProgress?.({ done })
  }
}

/** Starts nothing once a signal is aborted, and waits for nothing any longer. */
export function unlessAborted<T>(
  signal: AbortSignal | undefined,
  start: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return start()
  if (signal.aborted) return Promise.reject(reasonOf(signal))
  return new Promise((resolve, reject) => {
    const abort = () => reject(reasonOf(signal))
    const settled = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort)
    start().then(resolve, reject).then(settled)
  })
}

/** What is not `null`, which says to a callback that there is no error. */
function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError')
}

/** An AbortSignal may come from another realm. */
function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = isObject(value) ? (value as Partial<AbortSignal>) : {}
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}
