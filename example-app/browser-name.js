import Bowser from 'bowser'

/** What a user calls a browser, by its `User-Agent`, and whether it is carried in a pocket. */
export function browserName(agent = '') {
  const { browser, os, platform } = Bowser.parse(agent || 'unknown')
  // Such as "curl", of "curl/8.5.0".
  const name = browser.name || /^[\w-]+/.exec(agent)?.[0] || 'An unknown browser'
  return {
    name: os.name ? `${name} on ${os.name}` : name,
    isMobile: platform.type === 'mobile' || platform.type === 'tablet',
  }
}
