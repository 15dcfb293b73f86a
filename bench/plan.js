// What is measured, how often and for how long, in blocks: sides that take turns in something.
import { BASELINE, IN_REDIS, OPTIONS, OURS, STORES } from './stores.js'

export const FULL = {
  runs: 2,
  turns: 5,
  warmUps: 1,
  turnMs: 1000,
  connections: 64,
  servers: ['express', 'node'],
  payloads: [300, 1024],
  largePayloads: [10_240, 102_400],
  atOnce: [1, 16, 128],
  sessions: 512,
  many: 100_000,
}

export const QUICK = {
  ...FULL,
  runs: 1,
  turns: 1,
  warmUps: 0,
  turnMs: 50,
  /** In place of a time, in which a cold server on a busy machine may answer none. */
  requests: 256,
  payloads: [1024],
  largePayloads: [10_240],
  many: 2000,
}

export const USUAL_PAYLOAD = 1024
export const SERVERS = { express: 'Express 5', node: 'node:http' }

const READING_AND_WRITING = [{ workload: 'reading' }, { workload: 'writing' }]

const PARTS = {
  /** What a site pays for sessions. */
  'end-to-end': ({ servers, payloads }) =>
    servers.flatMap((server) =>
      payloads.map((payload) => ({ server, payload, sides: STORES, ways: READING_AND_WRITING })),
    ),

  /** One session, changed by all clients. */
  hot: () => [{ server: 'express', sides: STORES, ways: [{ workload: 'hot' }] }],

  /** The store alone. */
  calls: ({ payloads, atOnce }) =>
    payloads.map((payload) => ({
      payload,
      sides: IN_REDIS,
      ways: atOnce.flatMap((n) => READING_AND_WRITING.map((way) => ({ ...way, atOnce: n }))),
    })),

  options: ({ largePayloads }) => [
    optionBlock(Object.keys(OPTIONS).filter((name) => name !== 'compression')),
    ...largePayloads.map((payload) => ({
      ...optionBlock(['defaults', 'compression'], payload),
      sessions: 64,
    })),
  ],

  logouts: () => [
    { sides: IN_REDIS, ways: [{ workload: 'undoneLogouts' }], sessions: 200, turns: 1, warmUps: 0 },
  ],

  /** One by one, since SCAN visits the keys of all. */
  many: ({ many }) =>
    IN_REDIS.map((side) => ({
      payload: 300,
      sides: [side],
      ways: [{ workload: 'many' }],
      ...{ sessions: many, turns: 1, warmUps: 0 },
    })),
}

export const PART_NAMES = Object.keys(PARTS)

export function blocksOf(plan, only = PART_NAMES) {
  return only.flatMap((part) =>
    PARTS[part](plan).map((block) => ({
      payload: USUAL_PAYLOAD,
      base: BASELINE,
      ...{ turns: plan.turns, warmUps: plan.warmUps, sessions: plan.sessions },
      ...block,
      part,
    })),
  )
}

function optionBlock(names, payload = USUAL_PAYLOAD) {
  const sides = names.map((name) => ({ name, kind: 'ours', store: OURS.name, options: name }))
  return { server: 'express', payload, sides, ways: READING_AND_WRITING, base: 'defaults' }
}
