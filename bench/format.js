// Numbers as a reader wants them.

export function integer(value) {
  return Math.round(value).toLocaleString('en-US')
}

/** Three significant digits, as far as they tell anything. */
export function short(value) {
  if (value >= 100) return integer(value)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}

export function times(ratio) {
  return `${ratio.toFixed(2)}×`
}

export function bytes(size) {
  return size < 1024 ? `${size} B` : `${size / 1024} KB`
}

export function megabytes(size) {
  return integer(size / 2 ** 20)
}

export function percent(part) {
  return `${(part * 100).toLocaleString('en-US', { maximumFractionDigits: 1 })} %`
}
