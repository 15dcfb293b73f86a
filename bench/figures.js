// Medians, ratios, and numbers as a reader wants them.

const CELL = ['part', 'server', 'payload', 'workload', 'atOnce']
/** Two runs of one build should not differ by more. */
const AGREED = 1.1

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median of a figure of all samples of a row. */
export function medianOf(row, name) {
  return median(row.runs.flat().map((sample) => sample[name]))
}

/**
 * The median of the ratios to the base of the row, each within a turn, which noise that lasts longer does
 * not touch. `ratios` has that of each run.
 */
export function ratioOf(rows, row, name) {
  const base = rows.find((it) => isSameCell(it, row) && it.side === row.base)
  if (!base) return {}
  const inTurns = row.runs.map((samples, run) =>
    samples.map((sample, turn) => sample[name] / base.runs[run][turn][name]),
  )
  return { ratio: median(inTurns.flat()), ratios: inTurns.map(median) }
}

/** The rows with ratios that differ between the runs by more than a tenth, and these ratios by figure. */
export function disagreements(rows) {
  return rows.flatMap((row) => {
    const found = Object.keys(row.runs[0][0])
      .map((name) => ({ name, ratios: ratioOf(rows, row, name).ratios ?? [] }))
      .filter(({ ratios }) => Math.max(...ratios) > Math.min(...ratios) * AGREED)
    return found.length > 0 ? [{ row, found }] : []
  })
}

export function isSameCell(a, b) {
  return CELL.every((name) => a[name] === b[name])
}

/** Three significant digits, as far as they tell anything. */
export function short(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

export function times(ratio) {
  return `${ratio.toFixed(2)}×`
}

export function percent(part) {
  return `${short(part * 100)} %`
}

export function bytes(size) {
  return size < 1024 ? `${size} B` : `${size / 1024} KB`
}
