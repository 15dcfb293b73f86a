import { expect } from 'chai'
import { createClient } from 'redis'
import request from 'supertest'
import { startRedis } from '../scripts/redis-server.js'
import { ensureBuilt } from './support/built.ts'
import { attributesOf, type CollectedSpan, startCollector } from './support/collector.ts'
import { eventually } from './support/eventually.ts'
import { killApps, startApp } from './support/example-app.ts'

const APP = 'examples/observability/app.js'
const MARKER = 'secret-marker'

describe(APP, () => {
  let redis: Awaited<ReturnType<typeof startRedis>>
  let collector: Awaited<ReturnType<typeof startCollector>>
  let url: string
  let sid: string
  let user: ReturnType<typeof request.agent>

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    collector = await startCollector()
    redis = await startRedis()
    const env = {
      REDIS_URL: redis.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
    }
    url = (await startApp(env, APP)).url
    user = request.agent(url)
    const { headers } = await user.post('/login').send({ user: MARKER }).expect(200)
    sid = /s%3A([\w-]+)/.exec(String(headers['set-cookie']))?.[1] as string
    await eventually(async () => {
      await Promise.all(['a', 'b'].map((page) => user.post(`/visits/${page}`).send().expect(200)))
      return (await sampleOf('connect_solidis_conflict_total')) > 0
    })
    await user.get('/').expect(200, { user: MARKER })
    await eventually(async () => collector.spans.some(({ name }) => name === 'GET /'))
  })
  after(async () => {
    killApps()
    collector.stop()
    await redis.stop()
  })

  const page = async () => (await request(url).get('/metrics').expect(200)).text

  /** The sum of the samples of a metric whose labels have all of these. */
  async function sampleOf(metric: string, ...labels: string[]): Promise<number> {
    const lines = (await page()).split('\n')
    const samples = lines.filter(
      (line) =>
        (line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)) &&
        labels.every((label) => line.includes(label)),
    )
    expect(samples, metric).not.to.deep.equal([])
    return samples.reduce((sum, line) => sum + Number(/\} ([\d.e+-]+)/.exec(line)?.[1]), 0)
  }

  it('has a page for Prometheus with rates, times, sizes, conflicts and the breaker', async () => {
    const count = 'db_client_operation_duration_count'
    expect(await sampleOf(count, 'operation_name="get"', 'outcome="found"')).to.be.above(2)
    expect(await sampleOf(count, 'operation_name="set"', 'outcome="written"')).to.be.above(2)
    const bucket = 'db_client_operation_duration_bucket'
    expect(await sampleOf(bucket, 'operation_name="get"', 'le="10"')).to.be.above(2)
    expect(await sampleOf('connect_solidis_payload_size_sum')).to.be.above(100)
    expect(await sampleOf('connect_solidis_retries_total')).to.be.least(0)
    expect(await sampleOf('connect_solidis_gone_total')).to.equal(0)
    expect(await sampleOf('connect_solidis_evicted_total')).to.equal(0)
    expect(await sampleOf('connect_solidis_breaker', 'state="closed"')).to.equal(1)
    expect(await sampleOf('connect_solidis_breaker', 'state="open"')).to.equal(0)
  })

  it('has spans after the conventions for databases, each of its request', async () => {
    const named = (name: string) => collector.spans.filter((span) => span.name === name)
    const [greeting] = named('GET /') as [CollectedSpan]
    const ofGreeting = collector.spans.filter(
      ({ parentSpanId }) => parentSpanId === greeting.spanId,
    )
    expect(ofGreeting.map(({ name }) => name)).to.include.members(['get session', 'greet'])
    const reading = ofGreeting.find(({ name }) => name === 'get session') as CollectedSpan
    expect(attributesOf(reading)).to.include({
      'db.system.name': 'redis',
      'db.operation.name': 'get',
      'connect_solidis.outcome': 'found',
      'connect_solidis.asked': true,
    })
    expect(
      named('set session')
        .map(attributesOf)
        .some((a) => a['connect_solidis.merges'] === 1),
    ).to.equal(true)
  })

  it('counts what is no session by its code', async () => {
    const client = await createClient({ url: redis.url }).connect()
    await client.set(`sess:${sid}`, 'no JSON')
    client.destroy()
    await user.get('/').expect(200, { user: null })
    const invalid = await sampleOf('connect_solidis_invalid_total', 'type="EINVALIDSESSION"')
    expect(invalid).to.equal(1)
  })

  it('tells of a Redis that fails, and of the breaker', async () => {
    await redis.stop()
    const isClosed = () => sampleOf('connect_solidis_breaker', 'state="closed"')
    await eventually(async () => {
      await user.get('/').expect(500)
      return (await isClosed()) === 0
    })
    await user.get('/').expect(500)
    const failed = 'outcome="failed"'
    expect(await sampleOf('db_client_operation_duration_count', failed, 'EBREAKER')).to.be.above(0)
    const isOf = (span: CollectedSpan) => attributesOf(span)['error.type'] === 'EBREAKER'
    await eventually(async () => collector.spans.some(isOf))
  })

  it('shows no session', async () => {
    expect(sid).to.have.length.above(20)
    // Also of what has failed.
    const shown = `${await page()}${JSON.stringify(collector.spans)}`
    expect(shown).not.to.include(MARKER)
    expect(shown).not.to.include(sid)
  })
})
