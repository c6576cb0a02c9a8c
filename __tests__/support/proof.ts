/** A test that measures and prints; it runs only where REELCACHE_PROOF is set, because a busy machine would fail it. */
export const proof = process.env['REELCACHE_PROOF'] === undefined ? test.skip : test
