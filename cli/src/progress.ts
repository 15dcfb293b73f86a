import { SingleBar } from 'cli-progress'
import { countOf } from './format.ts'

/** How far long work has come: a bar on a terminal, and nothing elsewhere. It leaves no trace. */
export class Progress {
  readonly #bar: SingleBar | undefined
  /** Who is interrupted wants the cursor back, too. */
  readonly #restore = () => this.#bar?.stop()

  /** @param total the most that there can be to do; `undefined` if nobody knows */
  constructor(label: string, total: number | undefined) {
    if (!process.stderr.isTTY) return
    const rest = total ? '[{bar}] {value} of {total}' : '{value}'
    this.#bar = new SingleBar({
      format: `${label} ${rest}`,
      formatValue: (value) => countOf(value),
      barsize: 24,
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    })
    this.#bar.start(total || 1, 0)
    process.once('exit', this.#restore)
  }

  update(done: number): void {
    const bar = this.#bar
    if (bar === undefined) return
    if (done > bar.getTotal()) bar.setTotal(done)
    bar.update(done)
  }

  stop(): void {
    process.off('exit', this.#restore)
    this.#restore()
  }
}
