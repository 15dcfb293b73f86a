/**
 * Is called once, and later: with an error, or with `null` and the result. What is declared as a
 * method lets a callback name its own kind of error, such as `Error | null`.
 */
export type Callback<T = void> = { call(error: Error | null, result?: T): void }['call']

/**
 * Calls back on a tick of its own: then what the callback throws is its caller's uncaught exception,
 * not ours to catch, and never a reason to call it again.
 */
export function deliver<T>(callback: Callback<T>, error: Error | null, result?: T): void {
  if (error === null) process.nextTick(callback, null, result)
  else process.nextTick(callback, error)
}

/** The promise of an operation that calls back. */
export function promiseOf<T>(start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result as T) : reject(error)))
  })
}
