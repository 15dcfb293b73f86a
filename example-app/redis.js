import { fromNodeRedis, RedisError, solidisOptions } from 'connect-solidis'

/**
 * Connects to Redis by Solidis, or by node-redis where Solidis is not installed; your app needs but one of
 * the two. Both go on connecting by themselves, now and whenever the connection is lost.
 * @returns what the store takes for a client, and how to end it
 */
export async function openRedis(url) {
  const solidis = await importSolidis()
  return solidis ? openSolidis(solidis, url) : openNodeRedis(url)
}

/**
 * Connects to Redis for what the site itself asks of it, past the store: by node-redis always, since
 * Solidis can give a call the reply to another while it reconnects, from which only the store is safe.
 * @returns `run`, which sends a command, and how to end the connection
 */
export async function openPlainRedis(url) {
  const client = await connectNodeRedis(url)
  return {
    close: () => client.destroy(),
    run: (...command) =>
      client.sendCommand(command).catch((cause) => {
        throw new RedisError(command[0], cause.message || 'no answer', { cause })
      }),
  }
}

function openSolidis({ SolidisClient }, url) {
  const client = new SolidisClient(solidisOptions(url))
  client.on('error', heard)
  return { client, close: () => client.quit() }
}

async function openNodeRedis(url) {
  const client = await connectNodeRedis(url)
  return { client: fromNodeRedis(client), close: () => client.destroy() }
}

async function connectNodeRedis(url) {
  const { createClient } = await import('redis')
  // Without its queue, a command fails at once while there is no connection.
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', heard)
  client.connect().catch(heard)
  return client
}

/** What becomes of requests meanwhile, the store tells. */
function heard() {}

async function importSolidis() {
  try {
    return await import('@vcms-io/solidis')
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    console.error('@vcms-io/solidis is not installed: node-redis it is, through fromNodeRedis')
    return undefined
  }
}
