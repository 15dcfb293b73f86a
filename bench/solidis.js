// The Solidis client, if it is installed.
const PACKAGE = '@vcms-io/solidis'
const solidis = await import(PACKAGE).catch(() => undefined)

/** Why there is no Solidis, if there is none. */
export const solidisMissing = solidis ? undefined : `${PACKAGE} is not installed`

export async function connectSolidis(url) {
  const client = new solidis.SolidisClient({ uri: url })
  await client.connect()
  return client
}
