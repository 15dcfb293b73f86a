import { execSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'

const BUILT = 'dist/cjs/index.js'
const SOURCES = 'lib'

/** Builds the package, unless the build is as new as the sources. */
export function ensureBuilt(): void {
  if (!isBuilt()) execSync('npm run build --silent', { stdio: 'inherit' })
}

function isBuilt(): boolean {
  if (!existsSync(BUILT)) return false
  const builtAt = statSync(BUILT).mtimeMs
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).every(
    (file) => statSync(`${SOURCES}/${file}`).mtimeMs <= builtAt,
  )
}
