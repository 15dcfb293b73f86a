/** Ends the program with one line that says why. */
export function stop(reason) {
  console.error(reason)
  process.exit(1)
}
