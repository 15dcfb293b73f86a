// OpenTelemetry's SDK: where spans go, and the page with the metrics.
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
} from '@opentelemetry/sdk-trace-base'

/** To a collector, if there is one; else to the console. */
const exporter = process.env.OTEL_EXPORTER_OTLP_ENDPOINT
  ? new OTLPTraceExporter()
  : new ConsoleSpanExporter()
const spans = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
trace.setGlobalTracerProvider(spans)

const contexts = new AsyncLocalStorageContextManager()
context.setGlobalContextManager(contexts)
/** Where it keeps the context, for `bindStore`. It has no public name. */
export const contextStorage = contexts._asyncLocalStorage

const prometheus = new PrometheusExporter({ preventServer: true })
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [prometheus] }))

export function metricsPage(req, res) {
  prometheus.getMetricsRequestHandler(req, res)
}

/** Sends the spans that are still here. */
export async function stopTelemetry() {
  await spans.shutdown()
}
