import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

/** So many bytes a secret has at least. */
export const MIN_SECRET_BYTES = 32

/** A secret says which it is by so many bytes. */
export const KEY_ID_BYTES = 4

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const AUTH_TAG_BYTES = 16
const OPTIONS = { authTagLength: AUTH_TAG_BYTES }

/** Of so many sessions keys are remembered at least: to make one takes as long as half an encryption. */
const RECENT = 500

/** What encrypts one session. */
interface SessionKey {
  readonly key: KeyObject
  /** The name of its key in Redis. */
  readonly name: Buffer
}

/** A secret, and the keys of the sessions of late that are made of it. */
class Secret {
  readonly id: Buffer
  readonly #key: KeyObject
  readonly #prefix: string
  #recent = new Map<string, SessionKey>()
  #earlier = new Map<string, SessionKey>()

  constructor(secret: string | Uint8Array, prefix: string) {
    this.#key = createSecretKey(Buffer.from(secret as string))
    this.#prefix = prefix
    this.id = this.#derive('id').subarray(0, KEY_ID_BYTES)
  }

  keyOf(sid: string): SessionKey {
    const known = this.#recent.get(sid)
    if (known !== undefined) return known
    const made = this.#earlier.get(sid) ?? this.#make(sid)
    if (this.#recent.size === RECENT) {
      this.#earlier = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(sid, made)
    return made
  }

  #make(sid: string): SessionKey {
    const key = createSecretKey(this.#derive(`session\0${sid}`))
    return { key, name: Buffer.from(this.#prefix + sid) }
  }

  #derive(purpose: string): Buffer {
    return createHmac('sha256', this.#key).update(`connect-solidis ${purpose}`).digest()
  }
}

/**
 * Encrypts with the first of its secrets, and decrypts with each of them: AES-256-GCM, by a key that is
 * made anew for each session. With one key for all, nonces at random would meet after some 2^32 writes,
 * which a busy site makes in days.
 */
export class KeyRing {
  readonly #secrets: readonly Secret[]

  /** @param prefix that of the keys in Redis */
  constructor(secrets: readonly (string | Uint8Array)[], prefix: string) {
    this.#secrets = secrets.map((secret) => new Secret(secret, prefix))
  }

  /** By which secret `seal` encrypts. */
  get currentId(): Buffer {
    return this.#current.id
  }

  get #current(): Secret {
    return this.#secrets[0] as Secret
  }

  /** Whether there is a secret with this id. */
  has(id: Buffer): boolean {
    return this.#secrets.some((secret) => secret.id.equals(id))
  }

  /**
   * Gives a nonce, what `data` is encrypted to, and the tag that authenticates it.
   * @param header what is authenticated, too, and so is the name of the key in Redis
   */
  seal(sid: string, header: Buffer, data: Buffer | string): Buffer[] {
    const { key, name } = this.#current.keyOf(sid)
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS).setAAD(header).setAAD(name)
    const encrypted = typeof data === 'string' ? cipher.update(data, 'utf8') : cipher.update(data)
    cipher.final()
    return [nonce, encrypted, cipher.getAuthTag()]
  }

  /**
   * Gives the data of what `seal` has sealed with this header; `undefined` where it does not open.
   * @param id of the secret
   */
  open(sid: string, header: Buffer, id: Buffer, sealed: Buffer): Buffer | undefined {
    if (sealed.length < NONCE_BYTES + AUTH_TAG_BYTES) return undefined
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const encrypted = sealed.subarray(NONCE_BYTES, -AUTH_TAG_BYTES)
    for (const secret of this.#secrets) {
      if (!secret.id.equals(id)) continue
      const { key, name } = secret.keyOf(sid)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS)
      decipher.setAAD(header).setAAD(name).setAuthTag(sealed.subarray(-AUTH_TAG_BYTES))
      const data = decipher.update(encrypted)
      try {
        decipher.final()
        return data
      } catch {
        // It is none that this secret has sealed.
      }
    }
    return undefined
  }
}
