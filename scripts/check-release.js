// Checks that the tag that is given, such as v1.2.3, may be released: that package.json and
// CHANGELOG.md are of that version, and that npm can say where the package comes from.
import { readFileSync } from 'node:fs'

const [tag] = process.argv.slice(2)
const read = (file) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const { version, repository } = JSON.parse(read('package.json'))
const cli = JSON.parse(read('cli/package.json'))

const problems = [
  tag !== `v${version}` && `the tag is ${tag}, but package.json says ${version}`,
  cli.version !== version && `cli/package.json says ${cli.version}`,
  cli.peerDependencies['connect-solidis'] !== `^${version}` &&
    `the peer connect-solidis in cli/package.json is not ^${version}`,
  !hasEntry(version) && `CHANGELOG.md has no entry "## ${version} - <year>-<month>-<day>"`,
  !repository && 'package.json has no "repository", which provenance is checked against',
].filter(Boolean)
for (const problem of problems) console.error(`Not to be released: ${problem}`)
if (problems.length > 0) process.exit(1)

function hasEntry(version) {
  const dated = /^## (\S+) - \d{4}-\d{2}-\d{2}$/gm
  return [...read('CHANGELOG.md').matchAll(dated)].some(([, released]) => released === version)
}
