import { SingleBar } from 'cli-progress'
import { countOf } from './format.ts'

/** How far long work has come: a bar on a terminal, and nothing elsewhere. It leaves no trace. */
export class Progress {
  readonly #bar: SingleBar | undefined
  #done = 0

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
  }

  get done(): number {
    return this.#done
  }

  update(done: number): void {
    this.#done = done
    const bar = this.#bar
    if (bar === undefined) return
    if (done > bar.getTotal()) bar.setTotal(done)
    bar.update(done)
  }

  stop(): void {
    this.#bar?.stop()
  }
}
