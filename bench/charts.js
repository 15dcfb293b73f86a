// The results as bar charts, drawn by ECharts, which needs no browser for SVG.
import { BarChart } from 'echarts/charts'
import { GridComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { bytes, isSameCell, medianOf, ratioOf, short, times } from './figures.js'
import { SERVERS, USUAL_PAYLOAD } from './plan.js'
import { STORES } from './stores.js'

use([BarChart, GridComponent, TitleComponent, SVGRenderer])

const COLORS = { ours: '#0969da', other: '#9a6700', bound: '#8c959f' }
const WIDTH = 960
const HEAD = 84
const COLUMN = { left: 190, width: 180 }
const ROW = { head: 28, bar: 24, gap: 26 }

/** Gives `{ file, title, svg }` a chart, for what was measured. */
export function drawCharts({ rows, plan }) {
  const usual = rows.filter(({ payload }) => payload === USUAL_PAYLOAD)
  const of = (part) => usual.filter((row) => row.part === part)
  const size = `sessions of ${bytes(USUAL_PAYLOAD)}`
  const less = `less is better; ${size}; times connect-redis on node-redis`
  return [
    {
      file: 'end-to-end.svg',
      title: 'What a site pays: CPU time of the server process a request, µs',
      subtitle: `${plan.connections} connections; ${less}`,
      panels: panelsOf(of('end-to-end'), 'cpu', (row) => `${SERVERS[row.server]}, ${row.workload}`),
    },
    {
      file: 'calls.svg',
      title: 'The store alone: CPU time of the process a request, µs',
      subtitle: `\`get\` and \`touch\`, \`get\` and \`set\`; ${less}`.replaceAll('`', ''),
      panels: panelsOf(of('calls'), 'cpu', (row) => `${row.workload}, ${row.atOnce} at once`),
    },
    {
      file: 'hot.svg',
      title: `One session changed by ${plan.connections} clients at once, in Express 5`,
      subtitle: `${size}; times connect-redis on node-redis`,
      panels: [
        ...panelsOf(of('hot'), 'rate', () => 'requests a second, more is better'),
        ...panelsOf(of('hot'), 'p99', () => 'p99 in ms, less is better'),
      ],
    },
  ]
    .filter(({ panels }) => panels.length > 0)
    .map((chart) => ({ file: chart.file, title: chart.title, svg: draw(chart) }))
}

/** A panel for each cell, with a bar for each store. */
function panelsOf(rows, figure, titleOf) {
  const cells = rows.filter((row, i) => rows.findIndex((it) => isSameCell(it, row)) === i)
  return cells.map((cell) => ({
    title: titleOf(cell),
    bars: rows
      .filter((row) => isSameCell(row, cell))
      .map((row) => {
        const { label, kind } = STORES.find(({ name }) => name === row.side)
        const value = medianOf(row, figure)
        const { ratio } = ratioOf(rows, row, figure)
        const text = ratio ? `${short(value)}, ${times(ratio)}` : short(value)
        return { label, kind, value, text }
      }),
  }))
}

function draw({ title, subtitle, panels }) {
  const bars = Math.max(...panels.map(({ bars }) => bars.length))
  const rowHeight = ROW.head + bars * ROW.bar + ROW.gap
  const places = panels.map((panel, i) => ({
    left: COLUMN.left + (i % 2) * (WIDTH / 2),
    top: HEAD + Math.floor(i / 2) * rowHeight,
    width: COLUMN.width,
    height: panel.bars.length * ROW.bar,
  }))
  const height = HEAD + Math.ceil(panels.length / 2) * rowHeight
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      { text: title, subtext: subtitle, left: 16, top: 12, subtextStyle: { color: '#59636e' } },
      ...panels.map((panel, i) => ({
        text: panel.title,
        left: places[i].left - 6,
        top: places[i].top - 24,
        textStyle: { fontSize: 13 },
      })),
    ],
    grid: places,
    xAxis: panels.map((_, gridIndex) => ({ gridIndex, type: 'value', show: false })),
    yAxis: panels.map((panel, gridIndex) => ({
      ...{ gridIndex, type: 'category', inverse: true, axisTick: { show: false } },
      data: panel.bars.map(({ label }) => label),
    })),
    series: panels.map(({ bars }, i) => ({
      ...{ type: 'bar', xAxisIndex: i, yAxisIndex: i, barWidth: 14 },
      label: { show: true, position: 'right', formatter: ({ dataIndex }) => bars[dataIndex].text },
      data: bars.map(({ value, kind }) => ({ value, itemStyle: { color: COLORS[kind] } })),
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg.replace('>', ` role="img" aria-label="${title}">`)
}
