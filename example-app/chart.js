const WIDTH = 640
const HEIGHT = 160
const SHORTEST_MS = 60_000

/** Where the line of a chart goes, for an `<svg>`. Counts hold until the next one. */
export function chartOf(samples) {
  const end = samples.at(-1).at
  const span = Math.max(SHORTEST_MS, end - samples[0].at)
  const top = roundUp(Math.max(...samples.map(({ count }) => count), 4))
  const x = ({ at }) => (WIDTH * (1 - (end - at) / span)).toFixed(1)
  const y = ({ count }) => (HEIGHT * (1 - count / top)).toFixed(1)
  const [first] = samples
  const line = samples
    .slice(1)
    .reduce((path, one) => `${path}H${x(one)}V${y(one)}`, `M${x(first)},${y(first)}`)
  return {
    width: WIDTH,
    height: HEIGHT,
    top,
    seconds: Math.round(span / 1000),
    line,
    area: `${line}V${HEIGHT}H${x(first)}Z`,
    end: y(samples.at(-1)),
  }
}

/** To an even number, whose half stands at the middle of the axis. */
function roundUp(count) {
  const step = Math.max(2, 10 ** Math.floor(Math.log10(count)))
  return Math.ceil(count / step) * step
}
