import { badArgument } from './errors.ts'

export type Callback<T = void> = (error: unknown, result?: T) => void

/**
 * Hands the outcome of a promise to a Node-style callback, or returns the promise if there is none.
 * The callback runs once, on a tick of its own: what it throws is its caller's uncaught exception,
 * not a rejection of the promise, and never a reason to call it again.
 */
export function settle<T>(promise: Promise<T>, callback?: Callback<T>): Promise<T> | undefined {
  if (callback === undefined) return promise
  if (typeof callback !== 'function') {
    return promise.then(() => Promise.reject(badArgument('callback', 'a function', callback)))
  }
  promise.then(
    (result) => process.nextTick(callback, null, result),
    (error) => process.nextTick(callback, error),
  )
  return undefined
}
