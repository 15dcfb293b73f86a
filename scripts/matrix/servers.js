// The servers that the matrix can be run on: those on the PATH, and those of REDIS_SERVERS.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

const PROGRAMS = ['redis-server', 'valkey-server']
const VERSION = /^(Redis|Valkey) server v=([\d.]+)/

/**
 * The one that runs where a row names no other is the first.
 * @returns {{ kind: string, version: string, path: string }[]}
 */
export function findServers() {
  const paths = [...onPath(), ...(process.env.REDIS_SERVERS ?? '').split(',').filter(Boolean)]
  const servers = paths.map((path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    const [, kind, version] = VERSION.exec(stdout ?? '') ?? []
    if (version === undefined) throw new Error(`No Redis and no Valkey: ${path}`)
    return { kind, version, path: resolve(path) }
  })
  if (servers.length > 0) return servers
  throw new Error('No redis-server or valkey-server: install one, or name some in REDIS_SERVERS')
}

/** A folder for the PATH, where this server is the one that is found. */
export function folderOf({ kind, version, path }) {
  const folder = resolve('.matrix', `${kind}-${version}`.toLowerCase())
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  symlinkSync(path, join(folder, 'redis-server'))
  return folder
}

/** Compares two versions, as `sort` wants it. */
export function byVersion({ version: one }, { version: other }) {
  return one.localeCompare(other, 'en', { numeric: true })
}

function onPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return PROGRAMS.flatMap((program) => {
    const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
    return found === undefined ? [] : [found]
  })
}
