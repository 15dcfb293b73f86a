import fastifyCookie from '@fastify/cookie'
import fastifySession, { type FastifySessionOptions } from '@fastify/session'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { fastifyStore } from '../../lib/fastify.ts'
import type { SolidisStore } from '../../lib/index.ts'

declare module 'fastify' {
  interface Session {
    user?: string
  }
}

/** What a request does, one step after the other. */
export type Step =
  | { readonly set: Record<string, unknown> }
  | { readonly delete: string }
  | { readonly cookie: { maxAge?: number; expires?: number } }
  /** Waits until the test lets it go on. */
  | { readonly wait: string }
  | { readonly call: 'save' | 'reload' | 'destroy' | 'regenerate'; readonly how?: 'callback' }

/** What a site answers of a session. */
export interface Described {
  readonly sid: string
  readonly names: string[]
  readonly attributes: Record<string, unknown>
  readonly maxAge: number | null
}

/** A site on fastify, whose requests do what the test says. */
export class FastifySite {
  readonly #app: FastifyInstance = fastify()
  readonly #waiting = new Map<string, () => void>()
  #url = ''

  static async start(
    store: SolidisStore,
    options: Partial<FastifySessionOptions> = {},
  ): Promise<FastifySite> {
    const site = new FastifySite()
    await site.#listen({
      secret: 'a secret of 32 characters or more',
      store: fastifyStore(store),
      saveUninitialized: false,
      ...options,
      cookie: { secure: false, ...options.cookie },
    })
    return site
  }

  get url(): string {
    return this.#url
  }

  /** Waits until so many requests wait. */
  async waiting(count: number): Promise<void> {
    while (this.#waiting.size < count) await new Promise(setImmediate)
  }

  release(): void {
    for (const goOn of this.#waiting.values()) goOn()
    this.#waiting.clear()
  }

  async stop(): Promise<void> {
    this.#app.server.closeAllConnections()
    await this.#app.close()
  }

  async #listen(options: FastifySessionOptions): Promise<void> {
    const app = this.#app
    await app.register(fastifyCookie)
    await app.register(fastifySession, options)
    app.post<{ Body: Step[] }>('/', async (request) => {
      for (const step of request.body) await this.#take(step, request)
      return request.session === null ? null : describe(request)
    })
    this.#url = await app.listen({ port: 0, host: '127.0.0.1' })
  }

  async #take(step: Step, request: FastifyRequest): Promise<void> {
    // Some steps give the request another one.
    const { session } = request
    if ('set' in step) Object.assign(session, step.set)
    else if ('delete' in step) Reflect.deleteProperty(session, step.delete)
    else if ('wait' in step)
      await new Promise<void>((goOn) => {
        this.#waiting.set(step.wait, goOn)
      })
    else if ('cookie' in step) {
      const { maxAge, expires } = step.cookie
      if (maxAge !== undefined) session.cookie.maxAge = maxAge
      if (expires !== undefined) session.cookie.expires = new Date(expires)
    } else if (step.how === 'callback')
      await new Promise<void>((resolve, reject) => {
        session[step.call]((error) => (error ? reject(error) : resolve()))
      })
    else await session[step.call]()
  }
}

function describe({ session }: FastifyRequest): Described {
  const { cookie, ...attributes } = session
  const names: string[] = []
  for (const name in session) names.push(name)
  return { sid: session.sessionId, names, attributes, maxAge: cookie.maxAge ?? null }
}

/** A browser, which keeps its cookie. */
export class Browser {
  cookie: string

  constructor(cookie = '') {
    this.cookie = cookie
  }

  /** The id of its session, as the cookie says. */
  get sid(): string {
    return decodeURIComponent(this.cookie).slice('sessionId='.length).split('.')[0] as string
  }

  /** Lets a site do something, and gives what it says of the session then. */
  async ask(site: FastifySite, ...steps: Step[]): Promise<Described> {
    const response = await this.fetch(site, ...steps)
    if (response.ok) return (await response.json()) as Described
    throw new Error(`${response.status} ${await response.text()}`)
  }

  async fetch(site: FastifySite, ...steps: Step[]): Promise<Response> {
    const headers = { 'content-type': 'application/json', cookie: this.cookie }
    const body = JSON.stringify(steps)
    const response = await fetch(site.url, { method: 'POST', headers, body })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.cookie = set.split(';')[0] as string
    return response
  }
}
