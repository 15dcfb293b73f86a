// Builds docs/, with the API from the doc comments, as a site in site/dist. `--serve` shows it then. Run by
// npm run docs; DOCS_BASE is the path at which it will be, '/' by default.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the pages are put together, as VitePress wants them. */
const SOURCE = '.source'
const CODE = ['.mjs', '.cjs', '.js', '.ts']

process.chdir(fileURLToPath(new URL('.', import.meta.url)))
if (!isInstalled()) run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel', 'error')

rmSync(SOURCE, { recursive: true, force: true })
mkdirSync(SOURCE)
tool('typedoc')
nameModules()
cpSync('home.md', join(SOURCE, 'index.md'))
cpSync('../example-app/public/icon.svg', join(SOURCE, 'public', 'icon.svg'))
for (const file of filesIn('../docs')) addFile(file)
tool('vitepress', 'build')
if (process.argv.includes('--serve')) tool('vitepress', 'preview', '--host', '127.0.0.1')

/** By what users import. */
function nameModules() {
  for (const [page, ...pairs] of [
    ['index', '[index]', '[connect-solidis]', '[fastify]', '[connect-solidis/fastify]'],
    ['index/index', '# index', '# connect-solidis'],
    ['fastify/index', '# fastify', '# connect-solidis/fastify'],
  ]) {
    const file = join(SOURCE, 'api', `${page}.md`)
    let text = readFileSync(file, 'utf8')
    for (let i = 0; i < pairs.length; i += 2) text = text.replace(pairs[i], pairs[i + 1])
    writeFileSync(file, text)
  }
}

function addFile(file) {
  const from = join('../docs', file)
  const to = join(SOURCE, file.replace(/README\.md$/, 'index.md'))
  if (file.endsWith('.md')) write(to, pageOf(file, readFileSync(from, 'utf8')))
  else if (CODE.includes(extname(file))) cpSync(from, join(SOURCE, 'public', file))
  else cpSync(from, to)
}

/** The page as it is in the repository, with the code that it links to. */
function pageOf(file, text) {
  const linked = text
    .replace(/^<!--.*-->\n/gm, '')
    .replace(/\]\(([^)\s]*)README\.md(#[^)\s]*)?\)/g, ']($1index.md$2)')
    // What is run by node is to be read, too.
    .replace(/\[([^\]]+)\]\(([\w-]+\.(?:[cm]?js|ts))\)/g, '[$1](./$2){target="_self"}')
  const codes = filesIn('../docs')
    .filter((code) => dirname(code) === dirname(file) && CODE.includes(extname(code)))
    .filter((code) => text.includes(`](${basename(code)})`))
  const whole = codes.map((code) => {
    const kind = code.endsWith('ts') ? 'ts' : 'js'
    return `\n### ${basename(code)}\n\n\`\`\`${kind}\n${readFileSync(join('../docs', code), 'utf8')}\`\`\`\n`
  })
  return codes.length === 0 ? linked : `${linked}\n## The whole code\n${whole.join('')}`
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => statSync(join(folder, file)).isFile())
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function isInstalled() {
  const written = 'node_modules/.package-lock.json'
  return existsSync(written) && statSync(written).mtimeMs >= statSync('package-lock.json').mtimeMs
}

function tool(name, ...args) {
  run(join('node_modules', '.bin', name), ...args)
}

function run(command, ...args) {
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
