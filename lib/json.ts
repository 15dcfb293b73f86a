/** What JSON.parse gives. */
export type JSONValue = null | boolean | number | string | JSONValue[] | JSONObject
export type JSONObject = { [name: string]: JSONValue }

/** Copies what JSON.parse gave. */
export function copyJSON<T extends JSONValue>(value: T): T
export function copyJSON(value: JSONValue): JSONValue {
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value) ? copyArray(value) : copyObject(value)
}

function copyArray(array: JSONValue[]): JSONValue[] {
  const copy = array.slice()
  for (let i = 0; i < copy.length; i++) {
    const value = copy[i] as JSONValue
    if (typeof value === 'object' && value !== null) copy[i] = copyJSON(value)
  }
  return copy
}

function copyObject(object: JSONObject): JSONObject {
  const copy = { ...object }
  for (const name in copy) {
    const value = copy[name] as JSONValue
    if (typeof value !== 'object' || value === null || !Object.hasOwn(copy, name)) continue
    copy[name] = copyJSON(value)
  }
  return copy
}

/**
 * Whether a value becomes, by way of JSON, what JSON.parse once gave. It may say no of what does, but
 * not yes of what does not.
 */
export function isSameJSON(value: unknown, json: JSONValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) {
    return value === json && (typeof value !== 'number' || survivesJSON(value))
  }
  if (typeof json !== 'object' || json === null || hasToJSON(value)) return false
  if (Array.isArray(json)) return Array.isArray(value) && isSameArray(value, json)
  return Object.getPrototypeOf(value) === Object.prototype && isSameObject(value, json)
}

function isSameArray(array: unknown[], json: JSONValue[]): boolean {
  if (array.length !== json.length) return false
  for (let i = 0; i < json.length; i++) {
    if (!isSameJSON(array[i], json[i])) return false
  }
  return true
}

/** In the same order too, or their texts would differ. */
function isSameObject(object: object, json: JSONObject): boolean {
  const names = Object.keys(json)
  let count = 0
  for (const name in object) {
    if (name !== names[count++]) return false
    if (!isSameJSON((object as Record<string, unknown>)[name], json[name])) return false
  }
  return count === names.length
}

export function hasToJSON(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function'
}

/** NaN, the infinities and -0 become something else. */
function survivesJSON(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0)
}

/** A member of a JSON object, `"name":value`; empty if JSON leaves out such a value. */
export function memberOf(name: string, value: unknown): string {
  if (typeof value === 'number' && survivesJSON(value)) return `${JSON.stringify(name)}:${value}`
  // An object of its own is what gives a toJSON method the name, and the right to leave itself out.
  return JSON.stringify({ [name]: value }).slice(1, -1)
}

/** What a value becomes by way of JSON, in which it is the given member. */
export function viaJSON(name: string, value: unknown, member: string): JSONValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && survivesJSON(value)) return value
  return (JSON.parse(`{${member}}`) as JSONObject)[name] as JSONValue
}
