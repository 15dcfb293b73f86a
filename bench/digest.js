// What was not built: compare and set by the SHA-1 of what Redis holds, instead of by all of it. It sends
// fewer bytes, but both sides have to compute the digest.
import { createHash } from 'node:crypto'
import { openOurs } from './stores.js'

const SCRIPT = `
local held = redis.call('GET', KEYS[1])
if not held or redis.sha1hex(held) ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

/** Opens connect-solidis with a client that exchanges its script for the one above. */
export async function openComparingDigests(url, prefix) {
  const { store, close } = await openOurs(url, prefix)
  const { client } = store
  const [[script]] = await client.send([['SCRIPT', 'LOAD', SCRIPT]])
  const send = client.send.bind(client)
  client.send = (commands) =>
    send(
      commands.map((command) => {
        if (command[0] !== 'EVALSHA') return command
        const [name, , keys, key, held, ...args] = command
        return [name, script, keys, key, createHash('sha1').update(held).digest('hex'), ...args]
      }),
    )
  return { store, close }
}
