// Which results are drawn, and how.
import { BIG_METHODS } from './big.js'
import { bytes, integer, percent, short, times } from './format.js'
import { HTTP_WORKLOADS } from './http.js'
import { titleOf } from './markdown.js'
import { barChart } from './svg.js'
import { HOT_CLIENTS, WORKLOADS } from './workloads.js'

const LEGEND = {
  ours: 'connect-solidis',
  other: 'other stores',
  bound: 'bounds, not stores in Redis',
}

/** Gives `{ file, title, svg }` a chart, for what was measured. */
export function drawCharts(results) {
  const drawings = [
    concurrencyChart(results, 'reading'),
    concurrencyChart(results, 'writing'),
    payloadChart(results),
    hotChart(results),
    httpChart(results),
    ...bigCharts(results),
  ]
  return drawings
    .filter(({ panels }) => panels.length > 0)
    .map(({ file, ...chart }) => ({
      file,
      title: chart.title,
      svg: barChart({ legend: LEGEND, columns: 2, ...chart }),
    }))
}

function concurrencyChart({ micro, plan, stores }, workload) {
  const { title, about } = WORKLOADS[workload]
  const found = micro.filter((r) => r.workload === workload && r.payload === plan.usualPayload)
  return {
    file: `${workload}.svg`,
    title: `${title}s per second`,
    subtitle: `${plain(about)}, sessions of ${bytes(plan.usualPayload)}; times connect-redis`,
    panels: panelsBy(found, 'concurrency', (n) => `${integer(n)} at once`, stores),
  }
}

function payloadChart({ micro, plan, stores }) {
  const panels = ['reading', 'writing'].map((workload) => {
    const found = micro.filter(
      (r) => r.workload === workload && r.concurrency === plan.usualConcurrency,
    )
    const title = (size) => `${WORKLOADS[workload].title}, ${bytes(size)}`
    return panelsBy(found, 'payload', title, stores)
  })
  const [reading, writing] = panels
  return {
    file: 'payload.svg',
    title: 'Requests per second by the size of the session',
    subtitle: `${plan.usualConcurrency} at once; times connect-redis`,
    panels: reading.flatMap((panel, i) => [panel, writing[i]].filter(Boolean)),
  }
}

function hotChart({ micro, plan, stores }) {
  const found = micro.filter((r) => r.workload === 'hot' && r.payload === plan.usualPayload)
  const panels = panelsBy(found, 'payload', () => 'Changes per second, and changes lost', stores)
  return {
    file: 'hot.svg',
    title: `One session changed by ${HOT_CLIENTS} clients at once`,
    subtitle: `Sessions of ${bytes(plan.usualPayload)}; each client counts in an attribute of its own`,
    columns: 1,
    panels,
  }
}

function httpChart({ http, plan, stores }) {
  const panels = HTTP_WORKLOADS.map((workload) => ({
    title: titleOf(workload),
    bars: http.filter((r) => r.workload === workload).map((r) => bar(r, stores, httpText(r))),
  }))
  return {
    file: 'http.svg',
    title: 'Express end to end, requests per second',
    subtitle: `${plan.httpConnections} connections, sessions of ${bytes(plan.usualPayload)}`,
    panels: panels.filter(({ bars }) => bars.length > 0),
  }
}

function httpText({ median, p99, lost }) {
  const text = `${integer(median)}/s, p99 ${short(p99.median)} ms`
  return lost === undefined ? text : `${text}, ${percent(lost)} lost`
}

function bigCharts({ big, stores }) {
  return [...new Set(big.map((r) => r.sessions))].map((sessions) => {
    const found = big.filter((r) => r.sessions === sessions && !r.failed)
    const panels = BIG_METHODS.flatMap((method) => {
      const ofMethod = found.filter((r) => r.method === method)
      const panel = (title, figure) => ({
        title: `${method}: ${title}`,
        bars: ofMethod.map((r) =>
          bar({ ...r, ...r[figure] }, stores, `${short(r[figure].median)} ms`),
        ),
      })
      return [panel('time', 'ms'), panel('longest pause of the event loop', 'pauseMs')]
    })
    return {
      file: `sessions-${sessions}.svg`,
      title: `${integer(sessions)} sessions: time and pauses`,
      subtitle: 'Milliseconds, less is better',
      panels: panels.filter(({ bars }) => bars.length > 0),
    }
  })
}

function panelsBy(found, dimension, title, stores) {
  return [...new Set(found.map((r) => r[dimension]))].map((value) => ({
    title: title(value),
    bars: found.filter((r) => r[dimension] === value).map((r) => bar(r, stores, rateText(r))),
  }))
}

function bar(result, stores, text) {
  const { label, kind } = stores.find(({ name }) => name === result.store)
  return { label, kind, value: result.median, low: result.low, high: result.high, text }
}

function rateText({ median, ratio, lost }) {
  if (lost !== undefined) return `${integer(median)}, ${percent(lost)} lost`
  return ratio === undefined ? integer(median) : `${integer(median)}, ${times(ratio)}`
}

function plain(markdown) {
  return markdown.replaceAll('`', '')
}
