// Traces of Redis commands that show no session: see tracing-clients.md. To run an app with it:
//   npm install @opentelemetry/instrumentation @opentelemetry/instrumentation-redis \
//     @opentelemetry/instrumentation-ioredis @opentelemetry/redis-common
//   node --import ./tracing-clients.mjs app.js
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { register } from 'node:module'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { IORedisInstrumentation } from '@opentelemetry/instrumentation-ioredis'
import { RedisInstrumentation } from '@opentelemetry/instrumentation-redis'
import { defaultDbStatementSerializer } from '@opentelemetry/redis-common'

/** The `prefix` of the store, which is in the keys of its index, too. */
const PREFIX = 'sess:'

/** Scripts have whole sessions among their arguments, and a key has the id of a session. */
function isOfStore(command, args) {
  return /^eval/i.test(command) || args.some((arg) => String(arg).includes(PREFIX))
}

/** As OpenTelemetry does it, but of what the store sends only the name of the command. */
export function dbStatementSerializer(command, args) {
  return isOfStore(command, args) ? command : defaultDbStatementSerializer(command, args)
}

// Without this, modules that are imported, and not required, are not traced.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
registerInstrumentations({
  instrumentations: [
    new RedisInstrumentation({ dbStatementSerializer }),
    new IORedisInstrumentation({ dbStatementSerializer }),
  ],
})

/**
 * The same for who listens to the channels of the clients themselves, as Sentry does. To be called when all
 * of them do: what is bound last comes first.
 */
export function redactChannels() {
  const first = new AsyncLocalStorage()
  const redact = (call, kept) => {
    if (isOfStore(call.command, call.args)) call.args = call.args.slice(0, kept)
  }
  // Of node-redis, the first argument is the name of the command.
  tracingChannel('node-redis:command').start.bindStore(first, (call) => redact(call, 1))
  tracingChannel('ioredis:command').start.bindStore(first, (call) => redact(call, 0))
}
