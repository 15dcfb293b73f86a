import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface Attribute {
  readonly key: string
  readonly value: Record<string, unknown>
}

export interface CollectedSpan {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Attribute[]
}

type Body = { resourceSpans: { scopeSpans: { spans: CollectedSpan[] }[] }[] }

/** Takes the spans that an app exports by OTLP, as a collector of OpenTelemetry does. */
export async function startCollector() {
  const spans: CollectedSpan[] = []
  const server = createServer(async (req, res) => {
    const { resourceSpans } = (await json(req)) as Body
    for (const { scopeSpans } of resourceSpans) spans.push(...scopeSpans.flatMap((s) => s.spans))
    res.setHeader('Content-Type', 'application/json').end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { spans, url: `http://127.0.0.1:${port}`, stop: () => server.close() }
}

/** The attributes of a span by their names. */
export function attributesOf({ attributes }: CollectedSpan): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
