import { isAnalyticsCookie } from '../../lib/http/analytics-cookies.js'

const KEY = '0123456789abcdef0123456789abcdef'

describe('cookies of analytics and consent tools', () => {
  it.each([
    ...['_ga', '_ga_ABCDE12345', '_ga_GTM-P67487F', '_gid', '_gat', '_gat_UA-123456-1', '_gat_gtag_UA_123456_1'],
    ...[
      '_gac_UA-123456-1',
      '_gac_gb_G-ABCDE12345',
      '_gcl_au',
      '_gcl_GB-123456-12',
      '__utmz',
      '_fbp',
      '_ttp',
      '_uetsid',
    ],
    ...['_hjSessionUser_123456', '_hjSession_1', '_hjAbsoluteSessionInProgress', '__hstc', '__hssrc', 'hubspotutk'],
    ...[`mp_${KEY}_mixpanel`, 'ph_phc_Ab3dEf6hIj9kLm2nOp5qRs8t_posthog', 'AMP_0123456789', 'AMP_MKTG_0123456789'],
    ...['amp_012345', 'amp_012345_example.com', `amplitude_id_${KEY}example.com`, '_pk_id.1.1fff', '_pk_ses.12.0a0b'],
    ...['__cf_bm', 'cf_clearance', 'OptanonConsent', 'CookieConsent', 'ajs_anonymous_id'],
  ])('have %s among them', name => {
    expect(isAnalyticsCookie(name)).toBe(true)
  })

  it.each([
    ...['sid', 'connect.sid', 'session', 'token', 'auth', 'jwt', 'PHPSESSID', '__Host-id', '_gait', 'remember_me'],
    ...['mp_session', 'mp_', `mp_${KEY}`, `mp_${KEY}_session`, `xmp_${KEY}_mixpanel`, `mp_${KEY}_mixpanel2`],
    ...['ph_session', 'ph_user', 'ph_phc_posthog', 'ph_phc_user_posthog', 'amp_session', 'AMP_SESSION', 'AMP_TOKEN'],
    ...[
      'amp_facade_sid',
      'amplitude_id',
      'amplitude_id_user',
      '_ga_user',
      '_ga_SESSION',
      '_ga_',
      '_gat_session',
      '_gac_me',
    ],
    ...['_gcl_session', '_hjsid', '_hj', '_hjSession_', '_hjSession_me', '__hs', '__hs_session', '__hssession'],
    ...['_pk_id', '_pk_id_user', '_pk_ses', '_pk_user.1.1fff', 'OptanonConsentUser', ''],
  ])('do not have %s among them', name => {
    expect(isAnalyticsCookie(name)).toBe(false)
  })

  it('are told from names of 16 KB by their length', () => {
    for (const start of ['_pk_id.', `amplitude_id_${KEY}`, 'amp_012345_', 'ph_phc_', '_ga_', '_hjSession_']) {
      expect(isAnalyticsCookie(start + 'a.'.repeat(8_192))).toBe(false)
      expect(isAnalyticsCookie(start + '1'.repeat(16_384))).toBe(false)
    }
  })
})
