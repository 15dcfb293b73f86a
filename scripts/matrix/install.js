// Installs what a row of the matrix is run with, besides what is installed here.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { folderOf } from './servers.js'

const { platform, arch } = process
/** Where the package is installed as npm would publish it, with what a site needs besides. */
const PACKAGE = '.matrix/package'
const OF_SITE = ['express@5', 'express-session@1', 'redis@6', 'ioredis@6']
const SITE = ['smoke.mjs', 'smoke.cjs', 'site.mjs']

/** Runtimes are had from npm: the package for this system, and where the program is in it. */
const RUNTIMES = {
  node: [`node-${platform === 'win32' ? 'win' : platform}-${arch}`, 'bin/node'],
  bun: [`@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, 'bin/bun'],
  deno: [`@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, 'deno'],
}

/** What a row needs is not to be had here; the message says why, to readers of the page. */
export class NotHadError extends Error {}

/** Packs and installs the package, for all rows. */
export function packPackage() {
  rmSync(PACKAGE, { recursive: true, force: true })
  mkdirSync(PACKAGE, { recursive: true })
  const options = ['pack', '--json', '--silent', '--pack-destination', PACKAGE]
  const [{ filename }] = JSON.parse(execFileSync('npm', options, { encoding: 'utf8' }))
  install(PACKAGE, [`./${filename}`, ...OF_SITE])
  for (const file of SITE) cpSync(`scripts/matrix/${file}`, join(PACKAGE, file))
}

/**
 * Makes ready what a row asks for.
 * @returns where its jobs are run, by what, and the versions that it is about
 */
export function preparePlace({ runtime, packages = [], client, server, typescript, tests }) {
  const place = { program: process.execPath, package: resolve(PACKAGE), build: resolve('.build') }
  Object.assign(place, { runtime: 'node', client, tests, versions: [] })
  const add = (name, version) => place.versions.push({ name, version })
  if (runtime !== undefined) {
    const [name, range] = runtime.split('@')
    const [packageName, program] = RUNTIMES[name]
    const folder = installApart([`${packageName}@${range}`])
    place.runtime = name
    place.program = resolve(folder, 'node_modules', packageName, program)
    add(name, versionSaidBy(place.program))
  }
  if (packages.length > 0) {
    // What is not there, such as mocha, is found in the folders above.
    const folder = installApart(packages)
    place.build = resolve(folder, '.build')
    rmSync(place.build, { recursive: true, force: true })
    cpSync('.build', place.build, { recursive: true })
    for (const name of packages.map(nameOf)) add(name, versionOf(name, folder))
  }
  if (client === 'Solidis') {
    const version = versionOf('@vcms-io/solidis')
    if (version === undefined) throw new NotHadError('`@vcms-io/solidis` was not installed')
    add('Solidis', version)
  }
  if (server !== undefined) {
    if (server.path === undefined) throw new NotHadError('no server of this version was at hand')
    place.servers = folderOf(server)
    add(server.kind, server.version)
  }
  if (typescript !== undefined) {
    const folder = installApart([`typescript@${typescript}`])
    place.tsc = resolve(folder, 'node_modules/typescript/bin/tsc')
    add('TypeScript', versionOf('typescript', folder))
  }
  return place
}

/** Installs these packages into a folder of their own within the project, whose name they are. */
function installApart(specs) {
  const name = specs.join('+').replace(/[^\w.+-]+/g, '-')
  const folder = join('.matrix', name.replace(/^-/, ''))
  mkdirSync(folder, { recursive: true })
  install(folder, specs)
  return folder
}

function install(folder, specs) {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const options = ['--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--json']
  const { status, stdout } = spawnSync('npm', ['install', ...options, ...specs], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: platform === 'win32',
  })
  if (status !== 0) throw new NotHadError(`npm did not install ${codes(specs)} (${codeIn(stdout)})`)
}

function codes(specs) {
  return specs.map((spec) => `\`${spec}\``).join(', ')
}

function codeIn(output) {
  try {
    return JSON.parse(output).error.code
  } catch {
    return 'it did not say why'
  }
}

function nameOf(spec) {
  return spec.replace(/(?<=.)@.*/, '')
}

/** What a runtime says itself, which shows that it is what is run. */
function versionSaidBy(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  const [version] = /\d+\.\d+\.\d+/.exec(stdout ?? '') ?? []
  if (version === undefined) throw new NotHadError('it does not run on this system')
  return version
}

/** The version of a package that is installed, if it is. */
export function versionOf(name, folder = '.') {
  const file = join(folder, 'node_modules', name, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined
}
