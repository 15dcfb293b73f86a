#!/usr/bin/env node
// Runs connect-solidis-cli where it is installed: beside the app in whose folder this is run, or beside
// this package. It is a package of its own, so that the store has no dependencies.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const CLI = 'connect-solidis-cli'
const places = [join(process.cwd(), 'app.js'), import.meta.url]

const found = places.map(find).find((path) => path !== undefined)
if (found === undefined) {
  console.error(
    `The operator's command is a package of its own, ${CLI}, which is not installed here.\n` +
      `  npm install --save-dev ${CLI}   and then: npx connect-solidis --help\n` +
      `  npx ${CLI} --help               without installing it`,
  )
  process.exitCode = 2
} else {
  await import(pathToFileURL(found).href)
}

function find(place) {
  try {
    return createRequire(place).resolve(CLI)
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    return undefined
  }
}
