import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ledger } from '../faults/ledger.ts'

const MIN_PAUSE_MS = 300
const MAX_PAUSE_MS = 1500
/** What takes longer has been forgotten by the site. */
const PATIENCE_MS = 15_000

/** What all browsers have met with. */
export class Tally {
  requests = 0
  slowestMs = 0
  /** By code. */
  readonly failed: Record<string, number> = {}
  lost = 0
  revived = 0
  late = 0
  foreign = 0
  unsettled = 0
  /** Pages that did not come, or did not end, by what was said of it. */
  readonly cutOff: Record<string, number> = {}
  readonly ledgers: Ledger[] = []

  get broken(): number {
    const { lost, revived, late, foreign, unsettled } = this
    return lost + revived + late + foreign + unsettled + this.pagesCutOff
  }

  get pagesCutOff(): number {
    return Object.values(this.cutOff).reduce((sum, count) => sum + count, 0)
  }

  observe(ledger: Ledger, seen: number | null): void {
    const verdict = ledger.observe(seen, Number.NEGATIVE_INFINITY)
    if (verdict === 'lost') this.lost++
    if (verdict === 'back to life') this.revived++
    if (verdict === 'late') this.late++
  }
}

interface Answer {
  readonly status: number
  readonly body: { sid?: string; whose?: string; n?: number; code?: string }
}

const agent = new Agent({ keepAlive: true })
let names = 0

/** Somebody who logs in, looks at pages, changes things and logs out, at any process of a site. */
export class Browser {
  readonly #ports: number[]
  readonly #tally: Tally
  readonly #name = `user${names++}`
  #cookie: string | undefined
  #ledger: Ledger | undefined
  #writes = 0

  constructor(ports: number[], tally: Tally) {
    this.#ports = ports
    this.#tally = tally
  }

  /** @param isOver asked before each request */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await sleep(MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS))
      if (isOver()) return
      const dice = Math.random()
      if (this.#ledger === undefined || this.#cookie === undefined) await this.#logIn()
      else if (dice < 0.1) await this.#logOut(this.#ledger)
      else if (dice < 0.5) await this.#change(this.#ledger)
      else await this.#look(this.#ledger)
      if (this.#ledger?.isGone) this.#forget()
    }
  }

  async #logIn(): Promise<void> {
    this.#forget()
    const n = ++this.#writes
    const beganAt = performance.now()
    const answer = await this.#ask('POST', `/login/${this.#name}/${n}`)
    const sid = answer?.body.sid ?? this.#sid
    if (sid === undefined) return
    const ledger = new Ledger(sid)
    this.#tally.ledgers.push(ledger)
    this.#ledger = ledger
    if (answer?.status === 200) ledger.wrote(n, beganAt)
    else ledger.failed(n, false)
  }

  async #look(ledger: Ledger): Promise<void> {
    const answer = await this.#ask('GET', '/page')
    if (answer?.status === 200) this.#see(ledger, answer)
  }

  async #change(ledger: Ledger): Promise<void> {
    const n = ++this.#writes
    const beganAt = performance.now()
    const answer = await this.#ask('POST', `/change/${n}`)
    if (answer?.status !== 200) return ledger.failed(n, false)
    if (answer.body.whose === undefined) this.#see(ledger, answer)
    else ledger.wrote(n, beganAt)
  }

  async #logOut(ledger: Ledger): Promise<void> {
    const beganAt = performance.now()
    const answer = await this.#ask('POST', '/logout')
    if (answer?.status === 200) ledger.wrote(null, beganAt)
    else ledger.failed(null, false)
  }

  #see(ledger: Ledger, { body: { whose, n } }: Answer): void {
    if (whose === undefined) this.#tally.observe(ledger, null)
    else if (whose !== this.#name) this.#tally.foreign++
    else this.#tally.observe(ledger, Number(n))
  }

  #forget(): void {
    this.#cookie = undefined
    this.#ledger = undefined
  }

  /** The id in the cookie, which comes with a login that failed, too. */
  get #sid(): string | undefined {
    return this.#cookie && /=s:([^.]+)\./.exec(decodeURIComponent(this.#cookie))?.[1]
  }

  async #ask(method: string, path: string): Promise<Answer | undefined> {
    const tally = this.#tally
    tally.requests++
    const beganAt = performance.now()
    const answer = await this.#send(method, path).catch((error: Error) => error.message)
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - beganAt)
    if (answer === 'timeout') tally.unsettled++
    else if (typeof answer === 'string') {
      const what = `${method} ${path.split('/')[1]}: ${answer}`
      tally.cutOff[what] = (tally.cutOff[what] ?? 0) + 1
    } else if (answer.status !== 200) {
      const code = String(answer.body.code)
      tally.failed[code] = (tally.failed[code] ?? 0) + 1
    }
    return typeof answer === 'string' ? undefined : answer
  }

  #send(method: string, path: string): Promise<Answer> {
    const port = this.#ports[Math.floor(Math.random() * this.#ports.length)]
    const headers = this.#cookie === undefined ? {} : { cookie: this.#cookie }
    return new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port, method, path, headers, agent }, (res) => {
        const [cookie] = res.headers['set-cookie'] ?? []
        if (cookie !== undefined) this.#cookie = cookie.split(';')[0]
        textOf(res).then((text) => {
          resolve({ status: res.statusCode ?? 0, body: JSON.parse(text) })
        }, reject)
      })
      req.setTimeout(PATIENCE_MS, () => req.destroy(new Error('timeout')))
      req.on('error', reject)
      req.end()
    })
  }
}

async function textOf(res: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of res) text += chunk
  return text
}
