// The load generator: a connection a cookie, each with the next request as soon as it has an answer.
import autocannon from 'autocannon'
import { answerQuestions } from './child.js'

answerQuestions(async ({ url, cookies, ms }) => {
  let client = 0
  const { errors, timeouts, non2xx, requests, latency, start, finish } = await autocannon({
    url,
    connections: cookies.length,
    duration: ms / 1000,
    setupClient(it) {
      const headers = { cookie: cookies[client], 'x-client': String(client) }
      client = (client + 1) % cookies.length
      it.setHeaders(headers)
    },
  })
  if (errors + timeouts + non2xx > 0) {
    throw new Error(`HTTP: ${errors} errors, ${timeouts} timeouts, ${non2xx} answers not 2xx`)
  }
  const seconds = (finish - start) / 1000
  return { rate: requests.total / seconds, p50: latency.p50, p99: latency.p99 }
})
