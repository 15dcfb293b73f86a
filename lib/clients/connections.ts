/** As much of an EventEmitter as is needed to count its events. */
interface Emitter {
  on?(event: string, listener: () => void): unknown
}

/** Told when a client has connected, or a cluster to one of its nodes. */
const CONNECTED = ['ready', 'node-ready', '+node']

const counts = new WeakMap<object, { connections: number }>()

/** Counts how often a client connects, from now on. */
export function connectionsOf(client: object): { readonly connections: number } {
  const known = counts.get(client)
  if (known !== undefined) return known
  const count = { connections: 0 }
  counts.set(client, count)
  const { on } = client as Emitter
  for (const event of CONNECTED) on?.call(client, event, () => count.connections++)
  return count
}
