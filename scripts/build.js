// Builds lib/ twice, as ESM and as CommonJS, each with declarations of its own. Run by npm, which
// puts tsc on the PATH.
import { execSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
rmSync('dist', { recursive: true, force: true })
build('module', 'dist/esm', '--module nodenext')
build(
  'commonjs',
  'dist/cjs',
  '--module commonjs --moduleResolution bundler --verbatimModuleSyntax false',
)

function build(type, outDir, options) {
  execSync(`tsc --project tsconfig.build.json --outDir ${outDir} ${options}`, { stdio: 'inherit' })
  writeFileSync(`${outDir}/package.json`, `${JSON.stringify({ type })}\n`)
}
