import { execSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILT = `${ROOT}/dist/cjs/index.js`
const SOURCES = `${ROOT}/lib`

/** Builds the package, unless the build is as new as the sources. */
export function ensureBuilt(): void {
  if (!isBuilt()) execSync('npm run build --silent', { cwd: ROOT, stdio: 'inherit' })
}

function isBuilt(): boolean {
  if (!existsSync(BUILT)) return false
  const builtAt = statSync(BUILT).mtimeMs
  return readdirSync(SOURCES).every((file) => statSync(`${SOURCES}/${file}`).mtimeMs <= builtAt)
}
