// The package as it is installed, required. Run by Node, Bun and Deno: see site.mjs.
const adapter = require('connect-solidis/fastify')
const lib = require('connect-solidis')

import('./site.mjs').then(({ useSite }) => useSite(lib, adapter))
