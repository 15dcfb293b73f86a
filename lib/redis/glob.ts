/** Makes every character stand for itself in a pattern of Redis. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&')
}
