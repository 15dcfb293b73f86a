/** What JSON.parse gives. */
export type JSONValue = null | boolean | number | string | JSONValue[] | JSONObject
export type JSONObject = { [name: string]: JSONValue }

/** Copies what JSON.parse gave. (structuredClone takes longer than to parse it again.) */
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
