/** What ended a command, to be told in words, with the exit code that says so. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = FAILED) {
    super(message)
    this.exitCode = exitCode
  }
}

export const OK = 0
export const FAILED = 1
export const USAGE = 2

/** The command line says something that cannot be done. */
export function usage(message: string): Failure {
  return new Failure(message, USAGE)
}

/** What an error says, in a line; those of sockets may have a code and no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = Object(error) as { message?: unknown; code?: unknown }
  return String(message || code || error)
}
