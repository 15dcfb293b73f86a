const SLOTS = 16384
/** Of CRC-16/XMODEM, by which a cluster tells its slots. */
const POLYNOMIAL = 0x1021
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc
})

/** The slot of a key in a cluster: that of what is in its first braces, if there is anything in them. */
export function slotOf(key: string | Buffer): number {
  const bytes = Buffer.from(key as string)
  const start = bytes.indexOf('{') + 1
  const end = start === 0 ? -1 : bytes.indexOf('}', start)
  return crc16(end > start ? bytes.subarray(start, end) : bytes) % SLOTS
}

function crc16(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] as number)
  return crc
}
