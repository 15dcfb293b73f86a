// What pages do beyond links and forms. Without it they still work; what changes shows on the next load.

const CHECK_MS = 1500

const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

// On a phone it may be out of sight.
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest' })
showTimes()
setInterval(showTimes, 1000)
for (const region of document.querySelectorAll('[data-live]')) follow(region)
if (document.querySelector('[data-reload-when-ready]')) reloadWhenReady()
if (document.querySelector('#race')) import('./tabs.js')
if (document.querySelector('#break')) import('./break.js')

// A button tells that it works, and sends its form once.
addEventListener('submit', ({ target, submitter }) => {
  if (!submitter?.dataset.busy) return
  submitter.setAttribute('aria-disabled', 'true')
  submitter.dataset.label = submitter.textContent
  submitter.textContent = submitter.dataset.busy
  target.addEventListener('submit', (again) => again.preventDefault())
})

// Of a page that the browser has kept for "back", nothing may be true any more.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())

/** Times in words and in the zone of the browser. */
function showTimes() {
  const now = Date.now()
  for (const time of document.querySelectorAll('[data-time]')) show(time, moment.format(at(time)))
  for (const time of document.querySelectorAll('[data-clock]')) show(time, clock.format(at(time)))
  for (const time of document.querySelectorAll('[data-ago]')) show(time, inWords(at(time) - now))
  for (const figure of document.querySelectorAll('[data-countdown]')) {
    show(figure, timeLeft(new Date(figure.dataset.countdown) - now))
  }
}

function at(time) {
  return new Date(time.dateTime)
}

function show(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function inWords(ms) {
  const seconds = Math.round(ms / 1000)
  if (seconds > -10) return 'just now'
  if (seconds > -60) return ago.format(Math.ceil(seconds / 10) * 10, 'second')
  if (seconds > -3600) return ago.format(Math.ceil(seconds / 60), 'minute')
  if (seconds > -86400) return ago.format(Math.ceil(seconds / 3600), 'hour')
  return ago.format(Math.ceil(seconds / 86400), 'day')
}

function timeLeft(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(
    Math.floor,
  )
  if (days > 0) return `${days} days ${hours} h ${minutes} min`
  const rest = `${minutes} min ${seconds % 60} s`
  return hours > 0 ? `${hours} h ${rest}` : rest
}

/** Shows a part of the page anew whenever the server sends it. */
function follow(region) {
  const source = new EventSource(region.dataset.live)
  source.addEventListener('part', ({ data }) => {
    replace(region, JSON.parse(data))
    tell('')
  })
  source.addEventListener('unavailable', () => tell(region.dataset.calm === undefined))
  source.addEventListener('over', () => location.assign('/?ended'))
  source.addEventListener('error', () => {
    // Else the browser connects anew by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(refused, CHECK_MS, region)
  })
  addEventListener('pagehide', () => source.close())
}

/** The server would not send it: because Redis is away, or because the session is over. */
async function refused(region) {
  const isReady = await fetch('/ready').then(
    ({ ok }) => ok,
    () => false,
  )
  if (isReady) return location.reload()
  tell(true)
  setTimeout(refused, CHECK_MS, region)
}

function tell(isAway) {
  const text = isAway
    ? 'Redis does not answer. You are still signed in; what you see may be old.'
    : ''
  show(document.querySelector('#banner'), text)
}

/** Keeps the focus, and what is scrolled, where they were. */
function replace(region, html) {
  const focused = region.contains(document.activeElement) ? document.activeElement : undefined
  region.innerHTML = html
  showTimes()
  if (focused === undefined) return
  const { id, value } = focused
  const same = [...region.querySelectorAll('button, a, [tabindex]')].find((one) => {
    return id ? one.id === id : one.tagName === focused.tagName && one.value === value
  })
  if (same) same.focus()
  else document.querySelector('#main').focus()
}

/** Loads the page again as soon as Redis answers. */
async function reloadWhenReady() {
  await new Promise((resolve) => setTimeout(resolve, CHECK_MS))
  const isReady = await fetch('/ready').then(
    ({ ok }) => ok,
    () => false,
  )
  if (isReady) location.reload()
  else reloadWhenReady()
}
