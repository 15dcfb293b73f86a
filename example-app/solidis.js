/** The client of Solidis, or a stand-in with the same methods where the package is missing. */
export const { SolidisClient } = await import('@vcms-io/solidis').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error('@vcms-io/solidis is not installed: node-redis stands in, through fromNodeRedis')
  return import('./stand-in.js')
})
