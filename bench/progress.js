// One line on stderr that tells how far the run is.
const PLAIN_LINE_EVERY_MS = 10_000

export class Progress {
  #total
  #done = 0
  #begin = Date.now()
  #lastPlain = 0

  /** @param total how many steps there will be */
  constructor(total) {
    this.#total = total
  }

  /** Tells what begins now. */
  step(what) {
    const percent = String(Math.floor((100 * this.#done++) / this.#total)).padStart(3)
    const line = `${percent} % ${clock(Date.now() - this.#begin)} ${what}`
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
    else this.#plain(line)
  }

  end() {
    const line = `100 % ${clock(Date.now() - this.#begin)} done`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
  }

  #plain(line) {
    if (Date.now() - this.#lastPlain < PLAIN_LINE_EVERY_MS) return
    this.#lastPlain = Date.now()
    process.stderr.write(`${line}\n`)
  }
}

function clock(ms) {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
