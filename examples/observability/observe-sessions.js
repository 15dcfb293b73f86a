// Makes spans and metrics of what the stores of this process publish: see docs/tracing.md. Both are after
// OpenTelemetry's semantic conventions for database clients; what these do not know is connect_solidis.*.
import { subscribe, tracingChannel } from 'node:diagnostics_channel'
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const BYTES = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
const STATES = ['closed', 'halfOpen', 'open']

/** @param contextStorage where OpenTelemetry keeps its context */
export function observeSessions(contextStorage) {
  observeCalls(contextStorage)
  observeEvents()
}

function observeCalls(contextStorage) {
  const tracer = trace.getTracer('connect-solidis')
  const meter = metrics.getMeter('connect-solidis')
  const duration = meter.createHistogram('db.client.operation.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: SECONDS },
  })
  const size = meter.createHistogram('connect_solidis.payload.size', {
    unit: 'By',
    advice: { explicitBucketBoundaries: BYTES },
  })
  const retries = meter.createCounter('connect_solidis.retries')
  const begun = new WeakMap()

  const { start, asyncStart } = tracingChannel('connect-solidis:call')
  // What the store does in a call, the commands of an instrumented client too, belongs to its span.
  start.bindStore(contextStorage, (call) => {
    const attributes = { 'db.system.name': 'redis', 'db.operation.name': call.method }
    const span = tracer.startSpan(`${call.method} session`, { kind: SpanKind.CLIENT, attributes })
    begun.set(call, { span, at: performance.now() })
    return trace.setSpan(context.active(), span)
  })
  asyncStart.subscribe((call) => {
    const { method, outcome, code, bytes } = call
    const { span, at } = begun.get(call) ?? {}
    // It began before there was anybody to hear of it.
    if (span === undefined) return
    const attributes = {
      'db.system.name': 'redis',
      'db.operation.name': method,
      'connect_solidis.outcome': outcome,
      ...(code === undefined ? {} : { 'error.type': code }),
    }
    duration.record((performance.now() - at) / 1000, attributes)
    if (bytes !== undefined) size.record(bytes, { 'db.operation.name': method })
    retries.add(call.retries)
    span.setAttributes({
      ...attributes,
      'connect_solidis.asked': call.asked,
      'connect_solidis.retries': call.retries,
      'connect_solidis.merges': call.merges,
      ...(bytes === undefined ? {} : { 'connect_solidis.bytes': bytes }),
    })
    if (outcome === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: code })
    span.end()
  })
}

function observeEvents() {
  const meter = metrics.getMeter('connect-solidis')
  for (const name of ['conflict', 'gone', 'invalid', 'evicted']) {
    const counter = meter.createCounter(`connect_solidis.${name}`)
    // Else the page would not have it before the first.
    if (name !== 'invalid') counter.add(0)
    subscribe(`connect-solidis:${name}`, ({ code }) => {
      counter.add(1, code === undefined ? {} : { 'error.type': code })
      trace.getActiveSpan()?.addEvent(`connect_solidis.${name}`)
    })
  }

  let current = 'closed'
  subscribe('connect-solidis:breaker', ({ state }) => {
    current = state
  })
  meter.createObservableGauge('connect_solidis.breaker').addCallback((result) => {
    for (const state of STATES) result.observe(state === current ? 1 : 0, { state })
  })
}
