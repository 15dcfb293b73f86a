// The command line.
import { parseArgs } from 'node:util'
import { WORKLOADS } from './workloads.js'

const PARTS = ['conflict', 'options', 'page', 'http', 'big']
const KNOWN = [...Object.keys(WORKLOADS), ...PARTS]

export const USAGE = `Usage: npm run bench -- [options]

  --quick                everything in a tiny form, in under a minute
  --only <a,b>           only these: ${KNOWN.join(', ')}
  --stores <a,b>         only these stores, by their names in results.json
  --concurrency <n,m>    only these numbers of calls at once
  --payload <n,m>        only these sizes of a session, in bytes
  --repeats <n>          how often everything is measured
  --out <folder>         where the results go: by default docs/benchmarks if everything is measured,
                         else a temporary folder
  --help                 this text`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  stores: { type: 'string' },
  concurrency: { type: 'string' },
  payload: { type: 'string' },
  repeats: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
}

/** @throws Error that says what is wrong with the arguments */
export function parseOptions(args) {
  const { values } = parseArgs({ args, options: OPTIONS })
  const only = values.only?.split(',')
  for (const name of only ?? []) if (!KNOWN.includes(name)) throw new Error(`--only: no ${name}`)
  const { quick, only: _, stores, concurrency, payload, repeats } = values
  return {
    quick,
    help: values.help,
    out: values.out,
    stores: stores?.split(','),
    concurrencies: numbers('--concurrency', concurrency),
    payloads: numbers('--payload', payload),
    repeats: numbers('--repeats', repeats)?.[0],
    isPartial: [quick, only, stores, concurrency, payload].some(Boolean),
    isWanted: (name) => only === undefined || only.includes(name),
  }
}

function numbers(option, list) {
  const parsed = list?.split(',').map(Number)
  if (parsed && !parsed.every((number) => Number.isInteger(number) && number > 0)) {
    throw new Error(`${option}: expected positive integers`)
  }
  return parsed
}
