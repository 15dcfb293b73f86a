// Medians and spreads.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median of repeats, with the lowest and the highest. */
export function summary(values) {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values), values }
}

/** The median of the ratios within each repeat, which noise that lasts longer does not touch. */
export function ratio(values, baseline) {
  return median(values.map((value, i) => value / baseline[i]))
}
