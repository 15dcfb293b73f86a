import * as zlib from 'node:zlib'
import { InvalidSessionError } from '../errors.ts'

/** How large sessions are compressed. */
export interface Compression {
  /**
   * `'zstd'` (Node 22.15 or later) or `'brotli'`. Default: zstd where Node has it. All processes that
   * read the sessions need it, so name `'brotli'` as long as some of them run an older Node.
   */
  readonly algorithm?: Algorithm | undefined
  /** Bytes below which a session is left as it is. Default 4096. */
  readonly minSize?: number | undefined
}

export type Algorithm = 'brotli' | 'zstd'

/** Of the types of Node 20, it is not one. */
type Zlib = typeof zlib & {
  zstdCompressSync?: (data: Buffer) => Buffer
  zstdDecompressSync?: (data: Buffer, options: { maxOutputLength: number }) => Buffer
}

const { zstdCompressSync, zstdDecompressSync } = zlib as Zlib

/** The quickest, which compresses a session by nearly as much as the others. */
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }

/** By the byte that says how data was compressed; 0: not at all. */
const ALGORITHMS: readonly (Algorithm | undefined)[] = [undefined, 'brotli', 'zstd']

/** Whether this Node can do it. */
export function isAvailable(algorithm: Algorithm): boolean {
  return algorithm === 'brotli' || zstdCompressSync !== undefined
}

/** Compresses what is large enough, and gets smaller by that. */
export class Compressor {
  readonly #algorithm: Algorithm
  readonly #minSize: number

  constructor({ algorithm, minSize }: Compression) {
    this.#algorithm = algorithm ?? (isAvailable('zstd') ? 'zstd' : 'brotli')
    this.#minSize = minSize ?? 4096
  }

  /** Gives the data, compressed, with the byte that says how; `undefined` where it is left as it is. */
  compress(text: string): { codec: number; data: Buffer } | undefined {
    // No text has fewer bytes than that.
    if (text.length < this.#minSize && Buffer.byteLength(text) < this.#minSize) return undefined
    const plain = Buffer.from(text)
    const data =
      this.#algorithm === 'brotli'
        ? zlib.brotliCompressSync(plain, BROTLI)
        : (zstdCompressSync as NonNullable<Zlib['zstdCompressSync']>)(plain)
    if (data.length >= plain.length) return undefined
    return { codec: ALGORITHMS.indexOf(this.#algorithm), data }
  }
}

/**
 * Gives what was compressed.
 * @param codec the byte that says how
 * @param maxSize bytes that it may have, lest a few fill the memory
 * @throws InvalidSessionError if this Node cannot
 * @throws Error if it is damaged, or too large
 */
export function decompress(codec: number, data: Buffer, maxSize: number): Buffer {
  if (codec === 0) return data
  const algorithm = ALGORITHMS[codec]
  const options = { maxOutputLength: maxSize }
  if (algorithm === 'brotli') return zlib.brotliDecompressSync(data, options)
  if (algorithm === 'zstd' && zstdDecompressSync !== undefined) {
    return zstdDecompressSync(data, options)
  }
  const reason = 'The payload was compressed by what this Node lacks (zstd needs 22.15)'
  throw new InvalidSessionError(reason, 'ECODEC')
}
