import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const LIB = new URL('../../lib/index.js', import.meta.url).href

/** Runs a script in a process of its own, with `SolidisStore` imported, and gives what it prints. */
export async function runChild(script: string): Promise<string> {
  const source = `import { SolidisStore } from '${LIB}'\n${script}`
  const options = ['--input-type=module', '--eval', source]
  const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 25_000 })
  return stdout.trim()
}
