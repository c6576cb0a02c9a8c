// Chance that is the same in every run.

/** Numbers from 0 to below 1 by a seed other than 0 (Marsaglia's xorshift). */
export function seeded(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Ranks from 0 to below `count`, of which the k-th comes with a weight of k to the power of -`exponent`. */
export function zipf(count, exponent, random) {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -exponent
  return () => {
    const wanted = random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
