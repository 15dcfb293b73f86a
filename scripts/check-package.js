// Checks the packages as npm would publish them: their metadata, their types, that an empty project can
// install, import and require the store, from TypeScript too, and that its command says what to install,
// and runs when that is done. Run after the build, by npm.
import { execFileSync, execSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeConsumer } from './consumer.js'

const OF_CLI = ['commander', 'console-table-printer', 'cli-progress']

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
// Under `npm publish --dry-run` npm would write nothing here either.
process.env.npm_config_dry_run = 'false'
const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-package-'))
try {
  const { filename, files, tarball } = pack('')
  const maps = files.filter(({ path }) => path.endsWith('.map'))
  if (maps.length > 0) throw new Error(`the package has source maps: ${maps[0].path}`)
  run(`publint --strict ${tarball}`)
  run(`attw --quiet ${tarball}`)

  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  run(`npm install --silent --no-audit --no-fund ${tarball}`, folder)
  const expected = ['SolidisStore', 'fromNodeRedis', 'fromIoredis', 'SessionConflictError']
  const test = `if (!${JSON.stringify(expected)}.every((name) => typeof lib[name] === 'function')) process.exit(1)`
  node(`import * as lib from 'connect-solidis'; ${test}`, 'module')
  node(`const lib = require('connect-solidis'); ${test}`, 'commonjs')
  node(`import { fastifyStore } from 'connect-solidis/fastify'; fastifyStore({})`, 'module')
  node(`require('connect-solidis/fastify').fastifyStore({})`, 'commonjs')

  const installed = readdirSync(join(folder, 'node_modules'))
  const unasked = installed.filter((name) => OF_CLI.includes(name))
  if (unasked.length > 0) throw new Error(`the store brings ${unasked}, which only the CLI needs`)
  const launched = command('--version')
  if (launched.status !== 2 || !launched.stderr.includes('npm install --save-dev'))
    throw new Error(`without the CLI, npx connect-solidis says: ${launched.stderr}`)
  const cli = pack('--workspace connect-solidis-cli')
  run(`publint --strict ${cli.tarball}`)
  run(`npm install --silent --no-audit --no-fund ${cli.tarball}`, folder)
  const { status, stderr, stdout } = command('--version')
  if (status !== 0) throw new Error(`with the CLI, npx connect-solidis says: ${stderr}`)
  console.log(
    `package: ${cli.filename} installs, and npx connect-solidis runs it: ${stdout.trim()}`,
  )

  for (const path of ['node_modules/@types', 'node_modules/@fastify', 'node_modules/fastify'])
    symlinkSync(resolve(path), join(folder, path), 'junction')
  for (const { args } of writeConsumer(folder)) run(`tsc ${args.join(' ')}`, folder)
  console.log(`package: ${filename} installs, imports, requires and compiles`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** @param {string} workspace which package, as an option; the one of the root if empty */
function pack(workspace) {
  const options = `--json --silent --pack-destination ${folder} ${workspace}`
  const [{ filename, files }] = JSON.parse(execSync(`npm pack ${options}`, { encoding: 'utf8' }))
  return { filename, files, tarball: join(folder, filename) }
}

/** As npx finds it, in the project that has installed it. */
function command(...args) {
  const options = { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' }
  return spawnSync('npx', ['--no-install', 'connect-solidis', ...args], options)
}

function run(command, cwd = '.') {
  execSync(command, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
}

function node(code, type) {
  execFileSync(process.execPath, [`--input-type=${type}`, '--eval', code], {
    cwd: folder,
    stdio: 'inherit',
  })
}
