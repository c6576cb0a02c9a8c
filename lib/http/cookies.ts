/** Cookies of analytics and consent tools: browsers send them everywhere and answers do not depend on them. A `*` stands for any rest. */
export const ANALYTICS_COOKIES: readonly string[] = [
  // Google Analytics and Ads
  ...[
    '_ga',
    '_ga_*',
    '_gid',
    '_gat',
    '_gat_*',
    '_gcl_*',
    '_gac_*',
    '__utma',
    '__utmb',
    '__utmc',
    '__utmt',
    '__utmv',
    '__utmz',
  ],
  // Meta, TikTok, Microsoft, Pinterest, Snapchat
  ...['_fbp', '_fbc', '_ttp', '_tt_enable_cookie', '_uetsid', '_uetvid', '_clck', '_clsk', '_pin_unauth', '_scid'],
  // Matomo, Plausible, Hotjar, HubSpot, Mixpanel, Amplitude, Segment, PostHog
  ...[
    '_pk_id*',
    '_pk_ses*',
    '_pk_ref*',
    '_hj*',
    '__hs*',
    'hubspotutk',
    'mp_*',
    'amp_*',
    'amplitude_id*',
    'ajs_anonymous_id',
    'ph_*',
  ],
  // Cloudflare's bot management and load balancing
  ...['__cf_bm', '_cfuvid', 'cf_clearance', '__cflb'],
  // Consent banners
  ...[
    'OptanonConsent',
    'OptanonAlertBoxClosed',
    'CookieConsent',
    'cookieconsent_status',
    'euconsent-v2',
    'eupubconsent-v2',
  ],
]

/** Tells whether a cookie of this name is ignored. */
export type CookieFilter = (name: string) => boolean

export function cookieFilter(patterns: readonly string[] | true): CookieFilter {
  if (patterns === true) return () => true
  const exact = new Set(patterns.filter(pattern => !pattern.endsWith('*')))
  const prefixes = patterns.filter(pattern => pattern.endsWith('*')).map(pattern => pattern.slice(0, -1))
  return name => exact.has(name) || prefixes.some(prefix => name.startsWith(prefix))
}

/** The names in a Cookie field. What has no `=` counts as a name: it may mean something to the handler. */
export const cookieNames = (field: string): string[] =>
  field
    .split(';')
    .map(pair => pair.split('=', 1)[0]!.trim())
    .filter(name => name !== '')
