import { badArgument } from '../errors.ts'

/** What a URL says to `new SolidisClient(…)`. */
export interface SolidisOptions {
  host: string
  port: number
  database: number
  authentication: { username: string; password: string }
  /** Given for `rediss:`, which is Redis over TLS. */
  tls?: object
}

const DEFAULT_PORT = 6379

/**
 * Turns a URL into options for a Solidis client, whose own `uri` option knows neither databases nor
 * percent-encoding. The database stands in the path, or after it as `?db=3`; default 0.
 * @throws TypeError that says what was expected, and shows nothing of the URL
 * @example
 * const client = new SolidisClient(solidisOptions('redis://ann:p%40ss@redis.example:6379/3'))
 */
export function solidisOptions(url: string | URL): SolidisOptions {
  const parsed = parse(url)
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    database: databaseOf(parsed),
    authentication: authenticationOf(parsed),
    ...(parsed.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

function parse(url: string | URL): URL {
  const expected = 'a URL like redis://user:password@host:6379/0, or rediss:// for TLS'
  if (!URL.canParse(String(url))) throw badArgument('url', expected, url)
  const parsed = new URL(url)
  if (!/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw badArgument('url', expected, url)
  }
  // A password with a bare `#` in it ends there.
  if (parsed.hash !== '') throw badArgument('url', 'one without #, which is written %23', url)
  return parsed
}

function databaseOf({ pathname, searchParams }: URL): number {
  const given = [pathname.slice(1), ...searchParams.values()].filter((text) => text !== '')
  const isKnown = [...searchParams.keys()].every((name) => name === 'db')
  if (!isKnown || given.length > 1 || !/^\d*$/.test(given.join())) {
    throw new TypeError(
      'url: expected a database like /3 or ?db=3 after the host, and nothing else',
    )
  }
  return Number(given[0] ?? 0)
}

function authenticationOf(url: URL): SolidisOptions['authentication'] {
  const [username, password] = [url.username, url.password].map(decode) as [string, string]
  // Solidis would send the name as a password.
  if (username !== '' && username !== 'default' && password === '') {
    throw new TypeError('url: expected a password with the user')
  }
  return { username: password === '' ? '' : username, password }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError('url: expected a user and a password in which a % is written %25')
  }
}
