import { host, port } from './config.js'
import { stop } from './stop.js'

// For requests under way. Browsers also hold connections ready that they never used, and these look
// just the same to Node, so this is the time that Ctrl+C takes with the page open.
const GRACE_MS = 1000

/** Listens until SIGINT or SIGTERM, then ends what is under way, the client and thus the process. */
export function serve(app, closeClient) {
  const server = app.listen(port, host, (error) => {
    if (error) stop(`Cannot listen on ${host}:${port}: ${error.message}`)
    console.log(`The example app is at http://${host}:${server.address().port}`)
  })

  const shutDown = () => {
    server.close()
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref()
  }
  server.once('close', closeClient)
  // More than once, because Ctrl+C reaches every process of a terminal, and npm passes it on too.
  process.on('SIGINT', shutDown)
  process.on('SIGTERM', shutDown)
}
