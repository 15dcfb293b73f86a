import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from 'node:crypto'

/** So many bytes a secret has at least. */
export const MIN_SECRET_BYTES = 32

/** A secret says which it is by so many bytes. */
export const KEY_ID_BYTES = 4

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const AUTH_TAG_BYTES = 16
const NONCES_AT_ONCE = 256

interface Secret {
  readonly id: Buffer
  readonly key: KeyObject
}

/**
 * Encrypts with the first of its secrets, and decrypts with each of them: AES-256-GCM, by a key that is
 * made anew for each session. With one key for all, nonces at random would meet after some 2^32 writes,
 * which a busy site makes in days.
 */
export class KeyRing {
  readonly #secrets: readonly Secret[]
  readonly #nonces = Buffer.alloc(NONCES_AT_ONCE * NONCE_BYTES)
  #nextNonce = this.#nonces.length

  constructor(secrets: readonly (string | Uint8Array)[]) {
    this.#secrets = secrets.map((secret) => {
      const key = createSecretKey(Buffer.from(secret as string))
      return { key, id: derive(key, 'id', '').subarray(0, KEY_ID_BYTES) }
    })
  }

  /** By which secret `seal` encrypts. */
  get currentId(): Buffer {
    return (this.#secrets[0] as Secret).id
  }

  /** Whether there is a secret with this id. */
  has(id: Buffer): boolean {
    return this.#secrets.some((secret) => secret.id.equals(id))
  }

  /**
   * Gives a nonce, what `data` is encrypted to, and what authenticates both.
   * @param sid whose it is
   * @param beside what is authenticated beside it
   */
  seal(sid: string, data: Buffer | string, beside: Buffer): Buffer[] {
    const nonce = this.#newNonce()
    const { key } = this.#secrets[0] as Secret
    const options = { authTagLength: AUTH_TAG_BYTES }
    const cipher: CipherGCM = createCipheriv(ALGORITHM, derive(key, 'session', sid), nonce, options)
    cipher.setAAD(beside)
    const parts = [
      nonce,
      typeof data === 'string' ? cipher.update(data, 'utf8') : cipher.update(data),
    ]
    cipher.final()
    parts.push(cipher.getAuthTag())
    return parts
  }

  /**
   * Gives what `seal` was given, if the same is given beside it; `undefined` where it does not open.
   * @param id of the secret
   */
  open(sid: string, id: Buffer, sealed: Buffer, beside: Buffer): Buffer | undefined {
    if (sealed.length < NONCE_BYTES + AUTH_TAG_BYTES) return undefined
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const encrypted = sealed.subarray(NONCE_BYTES, -AUTH_TAG_BYTES)
    const options = { authTagLength: AUTH_TAG_BYTES }
    for (const { key } of this.#secrets.filter((secret) => secret.id.equals(id))) {
      const decipher = createDecipheriv(ALGORITHM, derive(key, 'session', sid), nonce, options)
      decipher.setAAD(beside).setAuthTag(sealed.subarray(-AUTH_TAG_BYTES))
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

  /** Random bytes cost as much one by one as by the hundred. */
  #newNonce(): Buffer {
    if (this.#nextNonce === this.#nonces.length) {
      randomFillSync(this.#nonces)
      this.#nextNonce = 0
    }
    const start = this.#nextNonce
    this.#nextNonce += NONCE_BYTES
    return this.#nonces.subarray(start, this.#nextNonce)
  }
}

function derive(secret: KeyObject, purpose: string, name: string): Buffer {
  return createHmac('sha256', secret).update(`connect-solidis ${purpose}\0${name}`).digest()
}
