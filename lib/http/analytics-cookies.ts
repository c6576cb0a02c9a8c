/**
 * Cookies of analytics and consent tools: browsers send them everywhere, and answers do not depend on them. Only names that a vendor has
 * documented, whole or in the shape it documents: a prefix such as `mp_*` would take an app's own `mp_session` for one of them.
 *
 * Each shape is anchored and holds no nested repetition, so that it takes linear time for any name.
 */

/** Names as they are. */
const NAMES: readonly string[] = [
  // Google Analytics and Ads: https://developers.google.com/analytics/devguides/collection/ga4/cookie-usage,
  // https://developers.google.com/analytics/resources/concepts/gaConceptsCookies, https://business.safety.google/adscookies/
  ...['_ga', '_gid', '_gat', '__utma', '__utmb', '__utmc', '__utmt', '__utmv', '__utmz'],
  ...['_gcl_au', '_gcl_aw', '_gcl_dc', '_gcl_gb', '_gcl_gf', '_gcl_ha', '_gcl_gs', '_gcl_ag'],
  // Meta: https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc
  ...['_fbp', '_fbc'],
  // TikTok: https://ads.tiktok.com/help/article/using-cookies-with-tiktok-pixel
  ...['_ttp', '_tt_enable_cookie'],
  // Microsoft Advertising: https://help.ads.microsoft.com/apex/index/3/en/53056
  ...['_uetsid', '_uetvid'],
  // Microsoft Clarity: https://learn.microsoft.com/en-us/clarity/setup-and-installation/clarity-cookies
  ...['_clck', '_clsk'],
  // Pinterest: https://help.pinterest.com/en/business/article/pinterest-tag-parameters-and-cookies
  '_pin_unauth',
  // Snapchat: https://businesshelp.snapchat.com/s/article/pixel-direct-implementation
  '_scid',
  // HubSpot: https://knowledge.hubspot.com/privacy-and-consent/what-cookies-does-hubspot-set-in-a-visitor-s-browser
  ...['__hstc', '__hssc', '__hssrc', 'hubspotutk', '__hs_opt_out', '__hs_do_not_track', '__hs_initial_opt_in'],
  ...['__hs_cookie_cat_pref', '__hs_gpc_banner_dismiss', '__hs_notify_banner_dismiss'],
  // Hotjar: https://help.hotjar.com/hc/en-us/articles/6952777582999-Cookies-Set-by-the-Hotjar-Tracking-Code
  ...['_hjid', '_hjFirstSeen', '_hjAbsoluteSessionInProgress', '_hjIncludedInPageviewSample'],
  ...['_hjIncludedInSessionSample', '_hjClosedSurveyInvites', '_hjDonePolls', '_hjMinimizedPolls'],
  ...['_hjShownFeedbackMessage', '_hjSessionTooLarge', '_hjSessionRejected', '_hjSessionResumed'],
  ...['_hjHasCachedUserAttributes', '_hjCachedUserAttributes', '_hjUserAttributesHash', '_hjViewportId'],
  ...['_hjLocalStorageTest', '_hjSessionStorageTest', '_hjCookieTest', '_hjTLDTest'],
  // Segment: https://segment.com/docs/connections/sources/catalog/libraries/website/javascript/cookie-validity-update/
  'ajs_anonymous_id',
  // Cloudflare's bot management and load balancing: https://developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies/
  ...['__cf_bm', '_cfuvid', 'cf_clearance', '__cflb'],
  // Consent: OneTrust, Cookiebot, Osano, IAB Europe
  // https://my.onetrust.com/s/article/UUID-2dc719a8-4be5-8d16-1dc8-c7b4147b88e0, https://www.cookiebot.com/en/cookie-declaration/,
  // https://github.com/osano/cookieconsent, https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework
  ...['OptanonConsent', 'OptanonAlertBoxClosed', 'CookieConsent', 'cookieconsent_status', 'euconsent-v2'],
  'eupubconsent-v2',
]

/** Names that hold the id of a property, project or site. */
const SHAPES: readonly RegExp[] = [
  // Google Analytics 4, `_ga_<container-id>`: https://developers.google.com/analytics/devguides/collection/ga4/cookie-usage
  /^_ga_(?:[A-Z0-9]{10}|GTM-[A-Z0-9]{6,8})$/,
  // `_gat_UA-123456-1`, `_gac_UA-123456-1`, `_gac_gb_G-XXXXXXXXXX`: https://support.google.com/analytics/answer/7519794
  /^_(?:gat|gac|gac_gb|gcl)_(?:(?:UA|GB)-\d{4,10}-\d{1,4}|G-[A-Z0-9]{6,10})$/,
  /^_gat_gtag_UA_\d{4,10}_\d{1,4}$/,
  // Matomo, `_pk_id.<site id>.<first four digits of a hash>`: https://matomo.org/faq/general/faq_146/
  /^_pk_(?:id|ses|ref|cvar|hsr)\.\d{1,10}\.[0-9a-f]{4}$/,
  // Hotjar, `_hjSession_<site id>`: https://help.hotjar.com/hc/en-us/articles/6952777582999
  /^_hj(?:Session|SessionUser|RecordingEnabled|RecordingLastActivity)_\d{1,10}$/,
  // Mixpanel, `mp_<token>_mixpanel`, a token being 32 hexadecimal digits: https://docs.mixpanel.com/docs/tracking-methods/sdks/javascript
  /^mp_[0-9a-f]{32}_mixpanel$/,
  // PostHog, `ph_<project key>_posthog`: https://posthog.com/docs/libraries/js/persistence
  /^ph_phc_[A-Za-z0-9]{20,64}_posthog$/,
  // Amplitude, `AMP_<first ten digits of the key>`: https://amplitude.com/docs/sdks/analytics/browser/cookies-and-consent-management
  /^AMP_(?:MKTG_)?[0-9a-f]{10}$/,
  // Amplitude's earlier SDK, `amp_<first six digits of the key>`, and before it `amplitude_id_<key>`, both with the domain where one is set
  // https://amplitude.com/docs/sdks/analytics/browser/cookies-and-consent-management-javascript-sdk
  /^amp_[0-9a-f]{6}(?:_[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})?$/,
  /^amplitude_id_[0-9a-f]{32}(?:\.?[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})?$/,
]

const EXACT: ReadonlySet<string> = new Set(NAMES)

/** Longer names are nobody's here. */
const LONGEST_NAME = 128

/** Whether a cookie of this name is known to be of an analytics or consent tool. */
export const isAnalyticsCookie = (name: string): boolean =>
  EXACT.has(name) || (name.length <= LONGEST_NAME && SHAPES.some(shape => shape.test(name)))
