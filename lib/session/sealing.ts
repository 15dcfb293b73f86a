import { constants } from 'node:buffer'
import { InvalidSessionError } from '../errors.ts'
import { type Compression, Compressor, decompress } from './compression.ts'
import { KEY_ID_BYTES, KeyRing } from './encryption.ts'

/** How sessions are encrypted. */
export interface Encryption {
  /**
   * The first encrypts, each decrypts: strings or bytes, at least 32 bytes of randomness each, such as
   * `openssl rand -base64 32` prints. To change it, give a new one as the last first, everywhere, and then
   * as the first.
   */
  readonly secrets: readonly (string | Uint8Array)[]
  /**
   * Whether a payload that is not encrypted is a session all the same, as it has to be until all are
   * (`reencrypt`). Default `false`.
   */
  readonly acceptPlain?: boolean | undefined
}

export interface SealingOptions {
  readonly prefix: string
  readonly encryption: Encryption | undefined
  readonly compression: Compression | undefined
  readonly maxPayload: number
}

/**
 * The payload is not one of this session: it is another's, or does not open. If it really stands under
 * the key, it is bad data; else replies have reached the wrong calls. Not for users.
 */
export class ForeignPayloadError extends Error {
  /** What to tell if it stands there. */
  readonly badData: InvalidSessionError

  constructor(badData: InvalidSessionError) {
    super('The payload is not one of this session')
    this.badData = badData
  }
}

/**
 * Sealed payloads begin with it; JSON never does. It is followed by bytes in base64url, since text is
 * cheaper than bytes over most clients.
 */
const MARK = '$'

/**
 * The bytes, where encrypted: 1, codec, id of the secret, nonce, ciphertext, tag of GCM, which
 * authenticates the header (the first three) and the name of the key, too. Where compressed only: 2,
 * codec, compressed.
 */
const ENCRYPTED = 1
const COMPRESSED = 2
const HEADER_BYTES = { [ENCRYPTED]: 2 + KEY_ID_BYTES, [COMPRESSED]: 2 }

/** So much is decompressed at least, whatever `maxPayload` is by now. */
const MAX_DECOMPRESSED_BYTES = 64 * 2 ** 20

/** The text of a session, perhaps compressed, with the byte that says how. */
interface Unsealed {
  readonly codec: number
  readonly data: Buffer | string
}

/** Makes of the text of a session what stands in Redis: the same, or compressed, or encrypted. */
export class Sealing {
  readonly #keys: KeyRing | undefined
  readonly #acceptsPlain: boolean
  readonly #compressor: Compressor | undefined
  readonly #maxDecompressed: number

  constructor({ prefix, encryption, compression, maxPayload }: SealingOptions) {
    this.#keys = encryption && new KeyRing(encryption.secrets, prefix)
    this.#acceptsPlain = encryption === undefined || encryption.acceptPlain === true
    this.#compressor = compression && new Compressor(compression)
    const maxDecompressed = Math.max(maxPayload, MAX_DECOMPRESSED_BYTES)
    this.#maxDecompressed = Math.min(maxDecompressed, constants.MAX_LENGTH)
  }

  /** Gives what is to stand in Redis. */
  seal(sid: string, text: string): string {
    const compressed = this.#compressor?.compress(text)
    if (this.#keys !== undefined) {
      return encrypt(this.#keys, sid, compressed ?? { codec: 0, data: text })
    }
    if (compressed === undefined) return text
    return encode([Buffer.of(COMPRESSED, compressed.codec), compressed.data])
  }

  /** Encrypts anew what opens, and leaves it compressed as it is: perhaps others do that, and not this. */
  reseal(sid: string, payload: string): string {
    const opened = this.#open(sid, payload)
    return this.#keys === undefined ? payload : encrypt(this.#keys, sid, opened)
  }

  /**
   * Gives the text of a session.
   * @throws ForeignPayloadError if it does not decrypt
   * @throws InvalidSessionError if it is not encrypted and has to be, or does not decompress
   */
  open(sid: string, payload: string): string {
    const { codec, data } = this.#open(sid, payload)
    return typeof data === 'string' ? data : this.#decompress(codec, data)
  }

  #open(sid: string, payload: string): Unsealed {
    if (!payload.startsWith(MARK)) return { codec: 0, data: this.#plain(payload) }
    const bytes = decode(payload)
    switch (bytes[0]) {
      case ENCRYPTED:
        return this.#decrypt(sid, bytes)
      case COMPRESSED:
        this.#plain(payload)
        return { codec: codecIn(bytes), data: bytes.subarray(HEADER_BYTES[COMPRESSED]) }
      default:
        if (this.#keys !== undefined) throw damaged()
        return { codec: 0, data: payload }
    }
  }

  /** Whether it is encrypted by the secret that `seal` encrypts by. */
  isCurrent(payload: string): boolean {
    const bytes = decode(payload)
    return bytes[0] === ENCRYPTED && this.#keys?.currentId.equals(idIn(bytes)) === true
  }

  #plain(text: string): string {
    if (this.#acceptsPlain) return text
    const reason = 'The payload is not encrypted, and encryption.acceptPlain is not set'
    throw new InvalidSessionError(reason, 'EPLAIN')
  }

  #decrypt(sid: string, bytes: Buffer): Unsealed {
    const header = bytes.subarray(0, HEADER_BYTES[ENCRYPTED])
    const sealed = bytes.subarray(HEADER_BYTES[ENCRYPTED])
    const id = idIn(bytes)
    const data = this.#keys?.open(sid, header, id, sealed)
    if (data !== undefined) return { codec: codecIn(bytes), data }
    if (this.#keys?.has(id)) throw damaged()
    const reason = 'The payload was encrypted with a secret that is not in encryption.secrets'
    throw new ForeignPayloadError(new InvalidSessionError(reason, 'ESECRET'))
  }

  #decompress(codec: number, data: Buffer): string {
    try {
      return decompress(codec, data, this.#maxDecompressed).toString()
    } catch (error) {
      if (error instanceof InvalidSessionError) throw error
      throw new InvalidSessionError('The payload does not decompress')
    }
  }
}

function encrypt(keys: KeyRing, sid: string, { codec, data }: Unsealed): string {
  const header = Buffer.concat([Buffer.of(ENCRYPTED, codec), keys.currentId])
  return encode([header, ...keys.seal(sid, header, data)])
}

function damaged(): ForeignPayloadError {
  const reason = 'The payload does not decrypt: it was changed, or is that of another session'
  return new ForeignPayloadError(new InvalidSessionError(reason, 'EDECRYPT'))
}

function encode(parts: Buffer[]): string {
  return MARK + Buffer.concat(parts).toString('base64url')
}

/** Takes each payload in one way only: other text that decodes to the same bytes is none. */
function decode(payload: string): Buffer {
  const text = payload.slice(MARK.length)
  const bytes = Buffer.from(text, 'base64url')
  return payload.startsWith(MARK) && bytes.toString('base64url') === text ? bytes : Buffer.alloc(0)
}

function codecIn(bytes: Buffer): number {
  return bytes[1] as number
}

function idIn(bytes: Buffer): Buffer {
  return bytes.subarray(HEADER_BYTES[ENCRYPTED] - KEY_ID_BYTES, HEADER_BYTES[ENCRYPTED])
}
