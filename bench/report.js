// Results as files: JSON for programs, Markdown for readers, SVG for both READMEs.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawCharts } from './charts.js'
import { toMarkdown } from './markdown.js'

/** Writes the files, and gives the Markdown. */
export function writeReport(results, folder) {
  const charts = drawCharts(results)
  const markdown = toMarkdown(results, charts)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), markdown)
  for (const { file, svg } of charts) writeFileSync(join(folder, file), svg)
  return markdown
}
