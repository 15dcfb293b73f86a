import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A package that is installed. */
export interface Package {
  readonly version: string
  load(): Promise<unknown>
}

interface Manifest {
  version: string
  main?: string
  exports?: Exports
}

type Exports = string | { [condition: string]: Exports }

/** Those of `import` in Node. */
const CONDITIONS = ['.', 'import', 'node', 'default']

/**
 * Finds a package beside the app in whose folder the command is run, or else beside this one. An
 * `import` knows only the latter, and `require` has other conditions.
 */
export function findPackage(name: string): Package | undefined {
  const places = [join(process.cwd(), 'app.js'), import.meta.url]
  const folders = places.flatMap((place) => createRequire(place).resolve.paths(name) ?? [])
  const folder = folders.map((each) => join(each, name)).find(hasManifest)
  if (folder === undefined) return undefined
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entry = entryOf(manifest.exports) ?? manifest.main ?? 'index.js'
  const { href } = pathToFileURL(join(folder, entry))
  return { version: manifest.version, load: () => import(href) }
}

function hasManifest(folder: string): boolean {
  return existsSync(join(folder, 'package.json'))
}

function entryOf(exports: Exports | undefined): string | undefined {
  if (exports === undefined || typeof exports === 'string') return exports
  const known = Object.keys(exports).filter((condition) => CONDITIONS.includes(condition))
  return known.map((condition) => entryOf(exports[condition])).find((entry) => entry !== undefined)
}
