// Builds lib/ twice, as ESM and as CommonJS, each with declarations of its own; and cli/, which is a
// package of its own and uses that one. Run by npm, which puts tsc on the PATH.
import { execSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist', { recursive: true, force: true })
build('module', 'dist/esm', '--module nodenext')
build(
  'commonjs',
  'dist/cjs',
  '--module commonjs --moduleResolution bundler --verbatimModuleSyntax false',
)
rmSync('cli/dist', { recursive: true, force: true })
execSync('tsc --project cli/tsconfig.json', { stdio: 'inherit' })
chmodSync('cli/dist/main.js', 0o755)

function build(type, outDir, options) {
  execSync(`tsc --project tsconfig.build.json --outDir ${outDir} ${options}`, { stdio: 'inherit' })
  writeFileSync(`${outDir}/package.json`, `${JSON.stringify({ type })}\n`)
}
