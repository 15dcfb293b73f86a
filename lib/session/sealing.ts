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
  /**
   * Whether sessions are written as they would be without encryption, and only read: for the first of two
   * deployments that turn encryption on, or off, while other processes cannot read what is encrypted.
   * With `acceptPlain` only. Default `false`.
   */
  readonly writePlain?: boolean | undefined
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

const CODEC_AT = 1
const ID_AT = 2
const ENCRYPTED_AT = ID_AT + KEY_ID_BYTES
const COMPRESSED_AT = 2

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
  readonly #writesPlain: boolean
  readonly #compressor: Compressor | undefined
  readonly #maxDecompressed: number

  constructor({ prefix, encryption, compression, maxPayload }: SealingOptions) {
    this.#keys = encryption && new KeyRing(encryption.secrets, prefix)
    this.#acceptsPlain = encryption === undefined || encryption.acceptPlain === true
    this.#writesPlain = encryption === undefined || encryption.writePlain === true
    this.#compressor = compression && new Compressor(compression)
    const maxDecompressed = Math.max(maxPayload, MAX_DECOMPRESSED_BYTES)
    this.#maxDecompressed = Math.min(maxDecompressed, constants.MAX_LENGTH)
  }

  /** Gives what is to stand in Redis. */
  seal(sid: string, text: string): string {
    return this.#seal(sid, this.#compressor?.compress(text) ?? { codec: 0, data: text })
  }

  /** Seals anew what opens, and leaves it compressed as it is: perhaps others do that, and not this. */
  reseal(sid: string, payload: string): string {
    return this.#seal(sid, this.#unseal(sid, payload))
  }

  /**
   * Gives the text of a session.
   * @throws ForeignPayloadError if it does not decrypt
   * @throws InvalidSessionError if it is not encrypted and has to be, or does not decompress
   */
  open(sid: string, payload: string): string {
    if (!payload.startsWith(MARK)) return this.#plain(payload)
    const { codec, data } = this.#unseal(sid, payload)
    return typeof data === 'string' ? data : this.#decompress(codec, data)
  }

  /** Whether it is encrypted by the secret that `seal` encrypts by, or not, as it does not. */
  isCurrent(payload: string): boolean {
    const bytes = decode(payload)
    const isEncrypted = bytes?.[0] === ENCRYPTED
    if (this.#writesPlain || !isEncrypted) return isEncrypted !== this.#writesPlain
    return this.#keys?.currentId.equals(bytes.subarray(ID_AT, ENCRYPTED_AT)) === true
  }

  #seal(sid: string, { codec, data }: Unsealed): string {
    if (this.#keys !== undefined && !this.#writesPlain) {
      const header = Buffer.concat([Buffer.of(ENCRYPTED, codec), this.#keys.currentId])
      return encode([header, ...this.#keys.seal(sid, header, data)])
    }
    if (codec === 0) return String(data)
    return encode([Buffer.of(COMPRESSED, codec), data as Buffer])
  }

  #unseal(sid: string, payload: string): Unsealed {
    const bytes = decode(payload)
    if (bytes?.[0] === ENCRYPTED) return this.#decrypt(sid, bytes)
    // What this store has sealed is no text of a serializer's.
    if (this.#keys !== undefined && payload.startsWith(MARK) && bytes?.[0] !== COMPRESSED) {
      throw damaged()
    }
    this.#plain(payload)
    if (bytes?.[0] !== COMPRESSED) return { codec: 0, data: payload }
    return { codec: bytes[CODEC_AT] as number, data: bytes.subarray(COMPRESSED_AT) }
  }

  #plain(text: string): string {
    if (this.#acceptsPlain) return text
    const reason = 'The payload is not encrypted, and encryption.acceptPlain is not set'
    throw new InvalidSessionError(reason, 'EPLAIN')
  }

  #decrypt(sid: string, bytes: Buffer): Unsealed {
    const id = bytes.subarray(ID_AT, ENCRYPTED_AT)
    if (!this.#keys?.has(id)) {
      const reason = 'The payload was encrypted with a secret that is not in encryption.secrets'
      throw new InvalidSessionError(reason, 'ESECRET')
    }
    const header = bytes.subarray(0, ENCRYPTED_AT)
    const data = this.#keys.open(sid, header, id, bytes.subarray(ENCRYPTED_AT))
    if (data === undefined) throw damaged()
    return { codec: bytes[CODEC_AT] as number, data }
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

function damaged(): ForeignPayloadError {
  const reason = 'The payload does not decrypt: it was changed, or is that of another session'
  return new ForeignPayloadError(new InvalidSessionError(reason, 'EDECRYPT'))
}

function encode(parts: Buffer[]): string {
  return MARK + Buffer.concat(parts).toString('base64url')
}

/** Takes each payload in one way only: other text that decodes to the same bytes is none. */
function decode(payload: string): Buffer | undefined {
  if (!payload.startsWith(MARK)) return undefined
  const text = payload.slice(MARK.length)
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
