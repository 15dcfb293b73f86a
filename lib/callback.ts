import { badArgument } from './errors.ts'

/** Is called once, and later: with an error, or with `null` and the result. */
export type Callback<T = void> = (error: unknown, result?: T) => void

/**
 * Starts an operation that calls back, or gives a promise of its result if there is no callback.
 *
 * The caller's callback is handed to the operation as it is, which must call it once, on a tick of
 * its own: then what the callback throws is its caller's uncaught exception, not ours to catch, and
 * never a reason to call it again. What the operation throws on starting is an error like any other.
 */
export function run<T>(
  start: (done: Callback<T>) => void,
  callback?: Callback<T> | null,
): Promise<T> | undefined {
  if (callback === undefined || callback === null) return promiseOf(start)
  if (typeof callback !== 'function') {
    return Promise.reject(badArgument('callback', 'a function', callback))
  }
  try {
    start(callback)
  } catch (error) {
    process.nextTick(callback, error)
  }
  return undefined
}

/** The promise of an operation that calls back. */
export function promiseOf<T>(start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result as T) : reject(error)))
  })
}

/** Calls back with the outcome of a promise, on a tick of its own. */
export function settle<T>(promise: Promise<T>, done: Callback<T>): void {
  promise.then(
    (result) => process.nextTick(done, null, result),
    (error) => process.nextTick(done, error),
  )
}

/** Calls back with what a function gives or throws; where it gives a promise, with its outcome. */
export function complete<T>(make: () => T | Promise<T>, done: Callback<T>): void {
  let result: T | Promise<T>
  try {
    result = make()
  } catch (error) {
    done(error)
    return
  }
  if (result instanceof Promise) settle(result, done)
  else done(null, result)
}

/** Goes on with a value at once, or with that of a promise on a tick of its own. */
export function whenReady<T>(
  value: T | Promise<T>,
  done: Callback<never>,
  goOn: (value: T) => void,
): void {
  if (value instanceof Promise) {
    settle(value, (error, result) => (error === null ? goOn(result as T) : done(error)))
  } else {
    goOn(value)
  }
}
