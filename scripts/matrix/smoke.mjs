// The package as it is installed, imported. Run by Node, Bun and Deno: see site.mjs.

import * as lib from 'connect-solidis'
import * as adapter from 'connect-solidis/fastify'
import { useSite } from './site.mjs'

await useSite(lib, adapter)
