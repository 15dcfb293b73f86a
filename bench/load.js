// The load: 64 connections, each with the next request as soon as it has an answer.
import autocannon from 'autocannon'
import { answerQuestions } from './child.js'

/** The end of the time is noticed at most so much later. */
const SAMPLE_MS = 20

answerQuestions({
  async load({ url, cookies, connections, requests, ms }) {
    const times = []
    let client = 0
    const running = autocannon({
      ...{ url, connections, amount: requests, duration: ms / 1000, sampleInt: SAMPLE_MS },
      setupClient(it) {
        const number = client++ % connections
        const own = cookies.filter((_, i) => i % connections === number)
        const headers = { 'x-client': String(number) }
        it.setRequests(own.map((cookie) => ({ headers: { ...headers, cookie } })))
      },
    })
    running.on('response', (_client, _status, _bytes, time) => times.push(time))
    const { errors, timeouts, non2xx, start, finish } = await running
    if (errors + timeouts + non2xx > 0) {
      throw new Error(`${errors} errors, ${timeouts} timeouts, ${non2xx} answers not 2xx`)
    }
    times.sort((a, b) => a - b)
    return {
      requests: times.length,
      rate: times.length / ((finish - start) / 1000),
      p99: times[Math.floor(times.length * 0.99)],
    }
  },
})
