// Bar charts as SVG: panels side by side, a bar a store, each with its name and its value beside it,
// so that nothing hangs on telling colours apart. Legible on light and on dark.
const WIDTH = 960
const MARGIN = 28
const GAP = 36
const LABEL_WIDTH = 190
const VALUE_WIDTH = 128
const BAR = 16
const ROW = 26
const PANEL_HEAD = 34

const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #1f2328 }
  .title { font-size: 19px; font-weight: 600 }
  .panel { font-size: 14px; font-weight: 600 }
  .muted { fill: #59636e }
  .name, .value { font-size: 12px }
  .ours { fill: #0969da } .other { fill: #9a6700 } .bound { fill: #8c959f }
  text.ours { font-weight: 600 }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  .axis { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .muted { fill: #9198a1 }
    .ours { fill: #4493f8 } .other { fill: #d29922 } .bound { fill: #656c76 }
    .spread { stroke: #f0f6fc }
    .axis { stroke: #3d444d }
  }`

/**
 * @param chart `{ title, subtitle, legend, columns, panels }`: the legend names what each `kind` of bar
 * is; a panel is `{ title, bars }`, a bar `{ label, kind, value, low, high, text }`
 */
export function barChart({ title, subtitle, legend, columns, panels }) {
  const panelWidth = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns
  const body = []
  let y = 112
  for (let i = 0; i < panels.length; i += columns) {
    const row = panels.slice(i, i + columns)
    row.forEach((panel, column) => {
      body.push(drawPanel(panel, MARGIN + column * (panelWidth + GAP), y, panelWidth))
    })
    y += PANEL_HEAD + Math.max(...row.map(({ bars }) => bars.length)) * ROW + 22
  }
  const height = y + 4
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escapeXml(title)}</title>
<desc id="desc">${escapeXml(inWords(subtitle, panels))}</desc>
<style>${STYLE}
</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${text(MARGIN, 38, title, 'title')}
${text(MARGIN, 60, subtitle, 'muted')}
${drawLegend(legend)}
${body.join('\n')}
</svg>
`
}

function drawLegend(legend) {
  let x = MARGIN
  const entries = Object.entries(legend).map(([kind, label]) => {
    const entry = `<rect class="${kind}" x="${x}" y="76" width="12" height="12" rx="2"/>${text(x + 18, 86, label, 'muted')}`
    x += 44 + label.length * 6.6
    return entry
  })
  const spread = `<path class="spread" d="M${x} 82h16M${x} 78v8M${x + 16} 78v8"/>`
  return [...entries, spread, text(x + 22, 86, 'lowest to highest', 'muted')].join('\n')
}

function drawPanel({ title, bars }, x, y, width) {
  const room = width - LABEL_WIDTH - VALUE_WIDTH
  const most = Math.max(...bars.map((bar) => bar.high))
  const left = x + LABEL_WIDTH
  const parts = [text(x, y + 14, title, 'panel')]
  bars.forEach((bar, i) => {
    const top = y + PANEL_HEAD + i * ROW
    const middle = top + BAR / 2
    const at = (value) => round(left + (value / most) * room)
    const length = round(Math.max(at(bar.value) - left, 1))
    parts.push(
      text(left - 10, top + 12.5, bar.label, `name ${bar.kind === 'ours' ? 'ours' : ''}`, 'end'),
      `<rect class="${bar.kind}" x="${left}" y="${top}" width="${length}" height="${BAR}" rx="3"/>`,
      `<path class="spread" d="M${at(bar.low)} ${middle}H${at(bar.high)}M${at(bar.low)} ${middle - 3}v6M${at(bar.high)} ${middle - 3}v6"/>`,
      text(at(bar.high) + 8, top + 12.5, bar.text, 'value'),
    )
  })
  const bottom = y + PANEL_HEAD + bars.length * ROW - 6
  parts.push(`<path class="axis" d="M${left} ${y + PANEL_HEAD - 4}V${bottom}"/>`)
  return parts.join('\n')
}

function inWords(subtitle, panels) {
  const ofPanel = ({ title, bars }) =>
    `${title}: ${bars.map(({ label, text }) => `${label} ${text}`).join(', ')}.`
  return `${subtitle}. ${panels.map(ofPanel).join(' ')}`
}

function text(x, y, content, className, anchor = 'start') {
  const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text class="${className.trim()}" x="${round(x)}" y="${y}"${at}>${escapeXml(content)}</text>`
}

function round(value) {
  return Math.round(value * 10) / 10
}

function escapeXml(content) {
  return content.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}
