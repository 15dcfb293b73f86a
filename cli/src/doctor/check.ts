/** What one look has found. */
export interface Check {
  readonly name: string
  /** `unknown` is what the user of Redis may not ask. */
  readonly status: 'ok' | 'warning' | 'failed' | 'unknown'
  /** In words, with what to do about it. */
  readonly detail: string
  /** For programs. */
  readonly data?: object
}
