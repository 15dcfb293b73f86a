import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import type expressSession from 'express-session'

const require = createRequire(import.meta.url)

/** Another copy of express-session, as an app may have that installed the store apart from it. */
export function copyOfExpressSession(): typeof expressSession {
  const path = require.resolve('express-session')
  const { cache } = require
  const loaded = Object.keys(cache).filter((file) => file.startsWith(dirname(path) + sep))
  const kept = loaded.map((file) => [file, cache[file]] as const)
  for (const file of loaded) delete cache[file]
  const copy = require(path)
  for (const [file, module] of kept) cache[file] = module
  return copy
}
