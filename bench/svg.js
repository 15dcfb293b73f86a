// Bar charts as SVG: panels side by side, a bar a store, each with its name and its value beside it,
// so that nothing hangs on telling colours apart. Legible on light and on dark.
const WIDTH = 960
const MARGIN = 24
const GAP = 28
const LABEL_WIDTH = 210
const VALUE_WIDTH = 128
const BAR = 16
const ROW = 26
const PANEL_HEAD = 34
/** Times the best store: bounds beyond this are drawn cut off. */
const MOST_OF_A_BOUND = 1.6

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
  .break { stroke: #ffffff; stroke-width: 2.5; fill: none }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .muted { fill: #9198a1 }
    .ours { fill: #4493f8 } .other { fill: #d29922 } .bound { fill: #656c76 }
    .spread { stroke: #f0f6fc }
    .axis { stroke: #3d444d }
    .break { stroke: #0d1117 }
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
  const left = x + LABEL_WIDTH
  const room = width - LABEL_WIDTH - VALUE_WIDTH
  const most = scaleOf(bars)
  const at = (value) => round(left + (Math.min(value, most) / most) * room)
  const parts = [text(x, y + 14, title, 'panel')]
  bars.forEach((bar, i) => {
    const top = y + PANEL_HEAD + i * ROW
    const end = Math.max(at(bar.value), left + 1)
    parts.push(
      text(left - 10, top + 12.5, bar.label, bar.kind === 'ours' ? 'name ours' : 'name', 'end'),
      `<rect class="${bar.kind}" x="${left}" y="${top}" width="${round(end - left)}" height="${BAR}" rx="3"/>`,
      bar.value > most ? drawBreak(end - 24, top) : drawSpread(at(bar.low), at(bar.high), top),
      text(Math.max(at(bar.high), end) + 8, top + 12.5, bar.text, 'value'),
    )
  })
  const bottom = y + PANEL_HEAD + bars.length * ROW - 6
  parts.push(`<path class="axis" d="M${left} ${y + PANEL_HEAD - 4}V${bottom}"/>`)
  return parts.join('\n')
}

/** What the longest bar stands for. A bound may be so far off that it would flatten all others. */
function scaleOf(bars) {
  const most = Math.max(...bars.map(({ high }) => high))
  const stores = bars.filter(({ kind }) => kind !== 'bound').map(({ high }) => high)
  return stores.length === 0 ? most : Math.min(most, Math.max(...stores) * MOST_OF_A_BOUND)
}

/** Tells that a bar is longer than there is room. */
function drawBreak(x, top) {
  return `<path class="break" d="M${round(x)} ${top + BAR + 2}l6 ${-BAR - 4}m5 0l-6 ${BAR + 4}"/>`
}

function drawSpread(low, high, top) {
  if (low === high) return ''
  const middle = top + BAR / 2
  return `<path class="spread" d="M${low} ${middle}H${high}M${low} ${middle - 3}v6M${high} ${middle - 3}v6"/>`
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
