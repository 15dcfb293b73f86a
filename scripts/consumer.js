// What a user of TypeScript writes, in either kind of module, and how they may have it resolved.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ESM = `
import session from 'express-session'
import fastifySession from '@fastify/session'
import fastify from 'fastify'
import { type Command, SolidisStore, type SolidisStoreOptions } from 'connect-solidis'
import { fastifyStore } from 'connect-solidis/fastify'
const options: SolidisStoreOptions = { client: { send: async (commands: Command[]) => [commands] } }
export const store: session.Store = new SolidisStore(options)
export const ids: Promise<string[]> = new SolidisStore(options).ids()
// @ts-expect-error: no such option
new SolidisStore({ ...options, tl: 60 })
const secret = 'a secret of 32 characters or more'
fastify().register(fastifySession, { secret, store: fastifyStore(new SolidisStore(options)) })
`
const COMMONJS = `
import fastifySession = require('@fastify/session')
import fastify = require('fastify')
import lib = require('connect-solidis')
import adapter = require('connect-solidis/fastify')
export const ids: Promise<string[]> = new lib.SolidisStore({ client: { send: async () => [] } }).ids()
// @ts-expect-error: a client is required
new lib.SolidisStore({})
const store = adapter.fastifyStore(new lib.SolidisStore({ client: { send: async () => [] } }))
fastify().register(fastifySession, { secret: ['a secret'], store })
`

const RESOLUTIONS = {
  node16: { module: 'node16' },
  nodenext: { module: 'nodenext' },
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
}

/**
 * Writes the sources into a folder where the package is installed.
 * @returns for each way to resolve modules its name, and the arguments of `tsc` in that folder
 */
export function writeConsumer(folder) {
  writeFileSync(join(folder, 'esm.mts'), ESM)
  writeFileSync(join(folder, 'commonjs.cts'), COMMONJS)
  return Object.entries(RESOLUTIONS).map(([name, resolution]) => {
    const project = `tsconfig.${name}.json`
    const strict = { noEmit: true, strict: true, exactOptionalPropertyTypes: true }
    const compilerOptions = { ...strict, target: 'es2022', types: ['node'], ...resolution }
    const files = ['esm.mts', 'commonjs.cts']
    writeFileSync(join(folder, project), JSON.stringify({ compilerOptions, files }))
    return { name, args: ['--project', project] }
  })
}
