// One line on stderr that tells how far the run is.
const PLAIN_LINE_EVERY_MS = 10_000

export class Progress {
  #totalMs
  #doneMs = 0
  #begin = Date.now()
  #lastPlain = 0

  /** @param totalMs how long it will take, as planned */
  constructor(totalMs) {
    this.#totalMs = totalMs
    process.stderr.write(`Planned: about ${clock(totalMs)} (minutes:seconds)\n`)
  }

  /** Tells what begins now, and is planned to take so long. */
  step(ms, what) {
    const percent = Math.min(Math.floor((100 * this.#doneMs) / this.#totalMs), 99)
    this.#doneMs += ms
    this.#show(`${String(percent).padStart(3)} % ${this.#elapsed()} ${what}`)
  }

  end() {
    this.#lastPlain = 0
    this.#show(`100 % ${this.#elapsed()} done`)
    if (process.stderr.isTTY) process.stderr.write('\n')
  }

  #show(line) {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`)
    } else if (Date.now() - this.#lastPlain >= PLAIN_LINE_EVERY_MS) {
      this.#lastPlain = Date.now()
      process.stderr.write(`${line}\n`)
    }
  }

  #elapsed() {
    return clock(Date.now() - this.#begin)
  }
}

function clock(ms) {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
