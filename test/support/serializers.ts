import { setImmediate as turn } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import type { Serializer } from '../../lib/index.ts'

/** An asynchronous serializer, each of whose calls takes so many turns of the event loop. */
export function slowSerializer(turns: () => number): Serializer {
  const wait = async <T>(result: T) => {
    for (let left = turns(); left > 0; left--) await turn()
    return result
  }
  return {
    stringify: (session) => wait(Buffer.from(JSON.stringify(session)).toString('hex')),
    parse: (text) => wait(JSON.parse(Buffer.from(text, 'hex').toString()) as SessionData),
  }
}

/** One that takes the longer the earlier it is asked, so that what comes later is done first. */
export function overtakingSerializer(): Serializer {
  let turns = 20
  return slowSerializer(() => Math.max(turns--, 0))
}

/** A fresh serializer of each kind, by its name. */
export const SERIALIZERS: [name: string, make: () => Serializer][] = [
  ['JSON', () => JSON],
  ['an asynchronous serializer', () => slowSerializer(() => 2)],
  ['an asynchronous serializer in which the later overtakes the earlier', overtakingSerializer],
]
