// Checks the package as npm would publish it: its metadata, its types, and that an empty project can
// install, import and require it. Run after the build, by npm.
import { execFileSync, execSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'connect-solidis-package-'))
try {
  const [{ filename }] = JSON.parse(
    execSync(`npm pack --json --silent --pack-destination ${folder}`, { encoding: 'utf8' }),
  )
  const tarball = join(folder, filename)
  run(`publint --strict ${tarball}`)
  run(`attw --quiet ${tarball}`)

  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  run(`npm install --silent --no-audit --no-fund ${tarball}`, folder)
  const expected = ['SolidisStore', 'fromNodeRedis', 'fromIoredis', 'SessionConflictError']
  const test = `if (!${JSON.stringify(expected)}.every((name) => typeof lib[name] === 'function')) process.exit(1)`
  node(`import * as lib from 'connect-solidis'; ${test}`, 'module')
  node(`const lib = require('connect-solidis'); ${test}`, 'commonjs')
  console.log(`package: ${filename} installs, imports and requires`)
} finally {
  rmSync(folder, { recursive: true, force: true })
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
