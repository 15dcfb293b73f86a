// The command line.
import { parseArgs } from 'node:util'
import { WORKLOADS } from './workloads.js'

/** Parts of the run that are no workloads. */
export const PARTS = ['http', 'big', 'page', 'conflict', 'options']

export const USAGE = `Usage: npm run bench -- [options]

  --quick             everything in a tiny form, in under a minute; results go to a temporary folder
  --only <a,b>        only these: ${[...Object.keys(WORKLOADS), ...PARTS].join(', ')}
  --stores <a,b>      only these stores, by the names in the results
  --repeats <number>  how often everything is measured
  --out <folder>      where the results go, instead of docs/benchmarks
  --help              this text`

export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      stores: { type: 'string' },
      repeats: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const known = [...Object.keys(WORKLOADS), ...PARTS]
  const only = values.only?.split(',')
  for (const name of only ?? []) {
    if (!known.includes(name)) throw new Error(`--only: there is no ${name}\n\n${USAGE}`)
  }
  const repeats = values.repeats === undefined ? undefined : Number(values.repeats)
  if (repeats !== undefined && !(Number.isInteger(repeats) && repeats > 0)) {
    throw new Error(`--repeats: expected a positive integer\n\n${USAGE}`)
  }
  return {
    quick: values.quick,
    help: values.help,
    out: values.out,
    repeats,
    stores: values.stores?.split(','),
    isWanted: (name) => only === undefined || only.includes(name),
  }
}
