// The calls of express-session to its store, without HTTP: every workload at every concurrency.
import { estimateMs, measureCells } from './interleave.js'
import { microCells } from './plan.js'

export const micro = {
  estimateMs: (context) => estimateMs(cellsOf(context), context.plan),
  run: (context) => measureCells(cellsOf(context), context.stores, context),
}

function cellsOf({ plan, isWanted, stores }) {
  return microCells(
    plan,
    isWanted,
    stores.map(({ name }) => name),
  )
}
