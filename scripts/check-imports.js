// Checks that the files of lib/ import downwards only, types included, and no package but
// express-session. Circles between files of one folder are Biome's to find: see biome.json.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** From top to bottom. A file may import from its own folder, and from the rows below its own. */
const LAYERS = [
  ['index', 'fastify'],
  ['store'],
  ['options', 'events'],
  ['walk', 'concurrency', 'clients'],
  ['owners'],
  ['redis'],
  ['session'],
  ['tracing'],
  ['callback'],
  ['errors'],
  ['error-codes'],
]
const PACKAGES = /^(node:|express-session$)/

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm
const IMPORT = /(?:\bfrom|\bimport)\s*(\()?\s*'([^']+)'/g

const lib = fileURLToPath(new URL('../lib', import.meta.url))
const files = readdirSync(lib, { recursive: true })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))

const problems = files.flatMap((file) => {
  const source = readFileSync(join(lib, file), 'utf8').replace(COMMENT, '')
  return [...source.matchAll(IMPORT)]
    .map(([, inline, imported]) => problemOf(file, imported, inline !== undefined))
    .filter((problem) => problem !== undefined)
    .map((problem) => `lib/${file}: ${problem}`)
})
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`imports: ${files.length} files of lib/ import downwards only`)

function problemOf(file, imported, inline) {
  if (inline) return `import '${imported}' at the top, where circles are looked for`
  if (!imported.startsWith('.')) {
    return PACKAGES.test(imported) ? undefined : `must not import the package '${imported}'`
  }
  const target = posix.join(dirname(file), imported)
  const [from, to] = [subjectOf(file), subjectOf(target)]
  const [above, below] = [layerOf(from), layerOf(to)]
  if (above === -1) return `'${from}' has no layer in scripts/check-imports.js`
  if (from === to || below > above) return undefined
  return `must not import '${target}', which is ${below === above ? 'beside' : 'above'} it`
}

/** The folder of a file, or the name of one that is in none. */
function subjectOf(file) {
  return file.split('/')[0].replace(/\.ts$/, '')
}

function layerOf(subject) {
  return LAYERS.findIndex((layer) => layer.includes(subject))
}
