// What the package is tried with: each value of each axis against the defaults of the others, and the corners,
// where all is as old, or as new, as it may be.
import { readFileSync } from 'node:fs'
import { versionOf } from './install.js'
import { byVersion } from './servers.js'

const { engines, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const OLDEST_NODE = lowest(engines.node)
const OLDEST_SESSION = lowest(peerDependencies['express-session'])

const CLIENTS = [
  { name: 'Solidis', client: 'Solidis' },
  { name: 'node-redis 5', client: 'node-redis', packages: ['redis@5'] },
  { name: 'node-redis 6', client: 'node-redis', packages: ['redis@6'] },
  { name: 'ioredis 5', client: 'ioredis', packages: ['ioredis@5'] },
  { name: 'ioredis 6', client: 'ioredis', packages: ['ioredis@6'] },
]

/** The newest that is found of each is tried; from the one version to below the other. */
const SERVERS = [
  ['Redis 6', 'Redis', '6', '7'],
  ['Redis 7', 'Redis', '7', '8'],
  ['Redis 8.0 to 8.3', 'Redis', '8', '8.4'],
  ['Redis 8.4 or later', 'Redis', '8.4', '999'],
  ['Valkey 7', 'Valkey', '7', '8'],
  ['Valkey 8.0', 'Valkey', '8', '8.1'],
  ['Valkey 8.1', 'Valkey', '8.1', '9'],
  ['Valkey 9 or later', 'Valkey', '9', '999'],
]

/** @param servers that were found */
export function axesFor(servers) {
  return [
    {
      id: 'node',
      title: 'Node',
      about:
        'The tests, and a site that imports, or requires, the package as npm would install it.',
      rows: [OLDEST_NODE, '20', '22', '24', '26'].map((version) => ({
        name: version === OLDEST_NODE ? 'the oldest' : `Node ${version}`,
        runtime: `node@${version}`,
        jobs: ['tests', 'import', 'require'],
      })),
    },
    {
      id: 'runtime',
      title: 'Bun and Deno',
      about:
        'The same site, with Express 5, over node-redis and over ioredis. The tests are for Node.',
      rows: ['Bun', 'Deno'].map((name) => ({
        name,
        runtime: `${name.toLowerCase()}@latest`,
        jobs: ['import', 'require'],
      })),
    },
    {
      id: 'express-session',
      title: 'express-session',
      rows: [
        { name: 'the oldest', packages: [`express-session@${OLDEST_SESSION}`], jobs: ['tests'] },
        { name: 'the newest', packages: ['express-session@latest'], jobs: ['tests'] },
      ],
    },
    {
      id: 'framework',
      title: 'Frameworks',
      about:
        'Those for Fastify are tests of their own. The [recipes](recipes/README.md) are run by tests, too.',
      rows: [
        { name: 'Express 4', packages: ['express@4'], jobs: ['tests'] },
        { name: 'Express 5', packages: ['express@5'], jobs: ['tests'] },
        {
          name: 'Fastify 5',
          packages: ['fastify@5', '@fastify/session@11'],
          tests: ['fastify'],
          jobs: ['tests'],
        },
      ],
    },
    {
      id: 'client',
      title: 'Clients',
      about: 'The tests that are for any client, over this one alone.',
      rows: CLIENTS.map((row) => ({ ...row, jobs: ['tests'] })),
    },
    {
      id: 'server',
      title: 'Servers',
      about:
        'Redis 8.4 and Valkey 8.1 compare and set by themselves, for which there is one test more; others by a script.',
      rows: SERVERS.map(([name, kind, from, below]) => ({
        name,
        server: newest(servers, kind, from, below) ?? {},
        jobs: ['tests'],
      })),
    },
    {
      id: 'types',
      title: 'TypeScript',
      about:
        'ESM and CommonJS that use the types, by each way to resolve modules; strict, the types of others checked, too.',
      rows: ['5.4', '5', '6', '7'].map((version) => ({
        name: `TypeScript ${version}`,
        typescript: version,
        jobs: ['node16', 'nodenext', 'bundler'],
      })),
    },
    {
      id: 'corner',
      title: 'Oldest with oldest, newest with newest',
      rows: [
        {
          name: 'all the oldest',
          runtime: `node@${OLDEST_NODE}`,
          packages: [`express-session@${OLDEST_SESSION}`, 'express@4', 'redis@5', 'ioredis@5'],
          server: newest(servers, 'Redis', '6', '7') ?? [...servers].sort(byVersion)[0],
          jobs: ['tests'],
        },
        ...['Redis', 'Valkey'].map((kind) => ({
          name: `all the newest, with ${kind}`,
          runtime: 'node@26',
          packages: [
            ...['express-session@latest', 'express@latest'],
            ...['redis@latest', 'ioredis@latest'],
          ],
          server: newest(servers, kind, '0', '999') ?? {},
          jobs: ['tests'],
        })),
      ],
    },
  ]
}

/** What is run where a row names no other. */
export function defaultsOf([server]) {
  const packages = ['express', 'express-session', 'redis', 'ioredis']
  return [
    { name: 'Node', version: process.versions.node },
    ...packages.map((name) => ({ name, version: versionOf(name) })),
    { name: 'Solidis', version: versionOf('@vcms-io/solidis') ?? 'not installed' },
    { name: server.kind, version: server.version },
  ]
}

function newest(servers, kind, from, below) {
  const fitting = servers.filter(
    (server) =>
      server.kind === kind &&
      byVersion(server, { version: from }) >= 0 &&
      byVersion(server, { version: below }) < 0,
  )
  return fitting.sort(byVersion).at(-1)
}

/** The lowest version of a range such as `>=1.17`. */
function lowest(range) {
  const [, version] = /^>=([\d.]+)$/.exec(range) ?? []
  if (version === undefined) throw new Error(`No lower bound alone: ${range}`)
  return [...version.split('.'), '0', '0'].slice(0, 3).join('.')
}
