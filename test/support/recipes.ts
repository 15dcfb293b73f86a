import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { ensureBuilt } from './built.ts'

export const RECIPES = 'docs/recipes'
const TSC = resolve('node_modules/typescript/bin/tsc')

/** Under these names, older versions of packages are installed here. */
const ALIASES: Record<string, string> = {
  'connect-redis@6': 'connect-redis6',
  'connect-redis@7': 'connect-redis7',
  'connect-redis@10': 'connect-redis10',
  'express@4': 'express4',
  'redis@4': 'redis4',
}

const folders: string[] = []

/**
 * Makes a project that has a copy of a recipe, and what its `npm install` names but nothing else. Gives
 * the path of the copy.
 * @param replaced what is installed in place of a package, such as `express@4` of `express`
 */
export function copyRecipe(file: string, replaced: Record<string, string> = {}): string {
  const code = readFileSync(join(RECIPES, file), 'utf8')
  const project = newProject(packagesOf(code).map((name) => replaced[name] ?? name))
  const copy = join(project, basename(file))
  copyFileSync(join(RECIPES, file), copy)
  return copy
}

/** Makes a project that has these packages. Gives its folder. */
export function newProject(packages: readonly string[]): string {
  ensureBuilt()
  const project = mkdtempSync(join(tmpdir(), 'connect-solidis-recipe-'))
  folders.push(project)
  for (const name of packages) {
    const link = join(project, 'node_modules', name.replace(/(?<=.)@.*/, ''))
    mkdirSync(dirname(link), { recursive: true })
    const installed = name === 'connect-solidis' ? '.' : join('node_modules', ALIASES[name] ?? name)
    symlinkSync(resolve(installed), link, 'junction')
  }
  return project
}

/** What the lines say that `npm install` is given. */
export function packagesOf(code: string): string[] {
  const text = code.replace(/\\\n(\/\/)?/g, ' ').replace(/(?<=npm install .*)#.*/g, '')
  const installs = [...text.matchAll(/^[/ ]*npm install (.*)$/gm)]
  return installs.flatMap(([, list = '']) => list.trim().split(/ +/)).filter(isPackage)
}

function isPackage(name: string): boolean {
  return !name.startsWith('-')
}

/** Compiles a project, as `npx tsc` there. */
export function compile(project: string, ...options: string[]): { status: number; output: string } {
  const { status, stdout } = spawnSync(process.execPath, [TSC, ...options], {
    cwd: project,
    encoding: 'utf8',
  })
  return { status: status ?? 1, output: stdout }
}

/** Removes the projects. */
export function removeProjects(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}
