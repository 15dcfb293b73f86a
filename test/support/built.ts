import { execSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'

const BUILT = ['dist/cjs/index.js', 'cli/dist/main.js']
const SOURCES = ['lib', 'cli/src']

/** Builds the packages, unless the builds are as new as the sources. */
export function ensureBuilt(): void {
  if (!isBuilt()) execSync('npm run build --silent', { stdio: 'inherit' })
}

function isBuilt(): boolean {
  if (!BUILT.every((file) => existsSync(file))) return false
  const builtAt = Math.min(...BUILT.map((file) => statSync(file).mtimeMs))
  return SOURCES.flatMap(filesIn).every((file) => statSync(file).mtimeMs <= builtAt)
}

function filesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.map((file) => `${folder}/${file}`)
}
