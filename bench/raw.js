// The limit of what a store can do: the commands that connect-solidis sends for a workload, recorded
// once, then sent again and again for other sessions with no store in between.
import { SolidisStore } from '../dist/esm/index.js'
import { sessionId } from './sessions.js'
import { connectSolidis, solidisMissing } from './solidis.js'

/** Beyond every slot that is measured. */
const RECORDED_SLOT = 100_000

const KEY = Symbol('the key of the session')
const HELD = Symbol('what Redis was found to hold')

export const RAW = {
  name: 'raw',
  label: 'Solidis without a store',
  kind: 'bound',
  missing: solidisMissing,
  open,
}

async function open(url, prefix) {
  const client = await connectSolidis(url)
  return {
    close: () => client.quit(),
    record: async (bench, workload) => {
      const sends = await record(client, prefix, bench, workload)
      return (slot, done) => replay(client, sends, prefix + sessionId(slot), done)
    },
  }
}

/** The commands of one call, with places for what differs from session to session. */
async function record(client, prefix, bench, workload) {
  const sends = []
  const send = async (commands) => {
    const replies = await client.send(commands)
    sends.push({ commands, replies })
    return replies
  }
  const recording = { ...bench, store: new SolidisStore({ client: { send }, prefix }) }
  const sid = sessionId(RECORDED_SLOT)
  // The first call may have to load a script, so the second is recorded.
  for (let i = 0; i < 2; i++) {
    sends.length = 0
    await bench.storage.fill([sid], bench.text)
    await new Promise((resolve, reject) => {
      const done = (error) => (error ? reject(error) : resolve())
      workload.call({ ...recording, writes: [] }, RECORDED_SLOT, done)
    })
  }
  await bench.storage.remove([sid])
  const held = sends[0].replies[0][0]
  const place = (arg) => {
    if (arg === prefix + sid) return KEY
    return Buffer.isBuffer(arg) && Buffer.isBuffer(held) && arg.equals(held) ? HELD : arg
  }
  return sends.map(({ commands }) => commands.map((command) => command.map(place)))
}

function replay(client, sends, key, done) {
  let held
  const fill = (arg) => {
    if (arg === KEY) return key
    return arg === HELD ? held : arg
  }
  const step = (i) => {
    if (i === sends.length) return done()
    const commands = sends[i].map((command) => command.map(fill))
    client.send(commands).then((replies) => {
      for (const [reply] of replies) if (reply instanceof Error) return done(reply)
      if (i === 0) held = replies[0][0]
      step(i + 1)
    }, done)
  }
  step(0)
}
