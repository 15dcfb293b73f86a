import { styleText } from 'node:util'
import { Table } from 'console-table-printer'
import { printable } from './format.ts'

export interface Column {
  readonly title: string
  readonly isNumber?: boolean
  /** After so many characters, the text goes on in the next line. */
  readonly maxLength?: number
}

type Style = Parameters<typeof styleText>[0]

/** What a table shows in a place, perhaps marked. */
export type Cell = string | { readonly text: string; readonly style: Style }

/** Writes a line, and waits until it is taken: what reads it may be slower. */
export function writeLine(line: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve())
  })
}

/** Says what is not the result, so that a pipe has nothing but that. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** The whole result as JSON. */
export function writeJson(value: unknown): Promise<void> {
  return writeLine(JSON.stringify(value, null, 2))
}

/** Rows as a table on a terminal, and else as lines with tabs. */
export async function writeTable(columns: readonly Column[], rows: readonly Cell[][]) {
  if (process.stdout.isTTY) return writeLine(tableOf(columns, rows))
  for (const row of rows) await writeLine(row.map((cell) => printable(textOf(cell))).join('\t'))
}

function tableOf(columns: readonly Column[], rows: readonly Cell[][]): string {
  const table = new Table({
    // Its own colors do not know of NO_COLOR.
    shouldDisableColors: true,
    columns: columns.map(({ title, isNumber = false, maxLength }, i) => ({
      name: String(i),
      title: styled('bold', printable(title)),
      alignment: isNumber ? 'right' : 'left',
      ...(maxLength === undefined ? {} : { maxLen: maxLength }),
    })),
  })
  for (const row of rows) {
    const shown = row.map((cell) => {
      const text = printable(textOf(cell))
      return typeof cell === 'string' ? text : styled(cell.style, text)
    })
    table.addRow({ ...shown })
  }
  return table.render()
}

/** Marks text on a terminal that has colors and wants them. */
function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}
