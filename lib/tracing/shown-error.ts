import { isOwnError } from '../errors.ts'

/** As much of an error as anybody may see: neither a message nor a cause, which may quote the session. */
export interface ShownError {
  readonly name: string
  readonly code: string
}

/** Those of a `TypeError` of this package. */
const OF_ARGUMENTS = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE']
const CODE = /^[A-Z][A-Z0-9_]{1,40}$/

/** Shows nothing of what a function of the app has thrown: even its name may be anything. */
export function shownError(error: unknown): ShownError {
  const { code } = Object(error)
  if (isOwnError(error)) return { name: error.name, code: CODE.test(code) ? code : 'EREDIS' }
  if (OF_ARGUMENTS.includes(code)) return { name: 'TypeError', code }
  return { name: 'Error', code: 'EAPP' }
}
