// Checks that what the documents point to is there, headings included, and that the package has what
// its own documents point to.
import { execSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const FENCED = /^( *)(```|~~~)[\s\S]*?^\1\2/gm
const CODE_SPAN = /`([^`\n]+)`/g
const LINKS = [/\]\(\s*<?([^)\s>]+)/g, /^\s*\[[^\]]+\]:\s*(\S+)/gm, /\b(?:src|href)="([^"]+)"/g]
const ABSOLUTE = /^[a-z]+:/i
const HEADING = /^#{1,6} +(.+?) *#*$/gm
/** In code, that is a file of this repository that the reader is told of. */
const NAMED_FILE =
  /^(?:(?:lib|cli|bin|test|scripts|bench|docs|site|example-app|examples)\/[\w./-]*|[A-Z]+\.md)$/

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const { name } = JSON.parse(readFileSync('package.json', 'utf8'))
const [{ files }] = JSON.parse(
  execSync('npm pack --dry-run --json --ignore-scripts --silent', { encoding: 'utf8' }),
)
const packaged = files.map(({ path }) => path)
const documents = [
  ...[
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'bench/README.md',
    'cli/README.md',
    'examples/observability/README.md',
    'example-app/README.md',
  ],
  ...readdirSync('docs', { recursive: true })
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.md')),
]

const problems = documents.flatMap((document) => {
  const text = readFileSync(document, 'utf8').replace(FENCED, '')
  const links = LINKS.flatMap((link) => matches(text.replace(CODE_SPAN, ''), link))
  return [
    ...links.map((link) => problemOfLink(document, link)),
    ...matches(text, CODE_SPAN).map((code) => problemOfName(document, code)),
  ].filter((problem) => problem !== undefined)
})
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`links: what ${documents.length} documents point to is there`)

function problemOfLink(document, link) {
  if (ABSOLUTE.test(link)) return undefined
  const [path, anchor] = decodeURI(link).split('#')
  const target = path === '' ? document : posix.join(posix.dirname(document), path)
  if (!existsSync(target)) return `${document}: there is no ${target}`
  if (anchor !== undefined && !anchorsOf(target).includes(anchor)) {
    return `${document}: there is no #${anchor} in ${target}`
  }
  // A picture is for who reads in the repository. Elsewhere, its text stands for it.
  if (/\.(?:png|svg)$/.test(target) && !target.startsWith('docs/benchmarks/')) return undefined
  if (packaged.includes(document) && !isPackaged(target)) {
    return `${document}: the package has no ${target}: see "files" in package.json`
  }
}

/** What changed in the past may have another name by now; all else has to be there. */
function problemOfName(document, code) {
  const path = code.replace(`node_modules/${name}/`, '')
  if (!NAMED_FILE.test(path) || document === 'CHANGELOG.md') return undefined
  if (!existsSync(path)) return `${document}: there is no ${path}`
  if (path !== code && !isPackaged(path)) return `${document}: the package has no ${path}`
}

function isPackaged(path) {
  return packaged.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`))
}

/** The ids that GitHub gives the headings of a document. */
function anchorsOf(document) {
  const seen = new Map()
  return matches(readFileSync(document, 'utf8').replace(FENCED, ''), HEADING).map((heading) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const id = plain.replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').replaceAll(' ', '-')
    const times = seen.get(id) ?? 0
    seen.set(id, times + 1)
    return times === 0 ? id : `${id}-${times}`
  })
}

function matches(text, pattern) {
  return [...text.matchAll(pattern)].map(([, match]) => match)
}
