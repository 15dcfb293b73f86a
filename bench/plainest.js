// The limit of what a store over Solidis can do: the least that makes one, without anything that
// connect-solidis promises. No time limit, no conflict check, no true expiry, no bad data, no errors.
import session from 'express-session'
import { connectSolidis, solidisMissing } from './solidis.js'

export const PLAINEST = {
  name: 'raw-store',
  label: 'the plainest store over Solidis',
  kind: 'bound',
  missing: solidisMissing,
  async open(url, prefix) {
    const client = await connectSolidis(url)
    return { store: new PlainestStore(client, prefix), close: () => client.quit() }
  },
}

class PlainestStore extends session.Store {
  #client
  #prefix

  constructor(client, prefix) {
    super()
    this.#client = client
    this.#prefix = prefix
  }

  get(sid, callback) {
    this.#send(['GET', this.#prefix + sid], (payload) => callback(null, JSON.parse(payload)))
  }

  set(sid, session, callback) {
    const payload = JSON.stringify(session)
    this.#send(['SET', this.#prefix + sid, payload, 'PX', lifeOf(session)], () => callback(null))
  }

  touch(sid, session, callback) {
    this.#send(['PEXPIRE', this.#prefix + sid, lifeOf(session)], () => callback(null))
  }

  destroy(sid, callback) {
    this.#send(['UNLINK', this.#prefix + sid], () => callback(null))
  }

  #send(command, done) {
    this.#client.send([command]).then(([[reply]]) => {
      if (reply instanceof Error) throw reply
      done(reply)
    })
  }
}

function lifeOf(session) {
  return String(session.cookie.expires.getTime() - Date.now())
}
