// SPDX-License-Identifier: Apache-2.0
// common/rotary: rotary embedding (Su et al. 2021, https://arxiv.org/abs/2104.09864) of heads. OpenCL C and C: the CPU
// fallback includes this file too (Sources/CShardHost/rows.h).
// A pair of numbers (x0, x1) of a head and an angle become
//   fma(x0, cos, -(x1 * sin)), fma(x1, cos, x0 * sin)
// Pair i are numbers i and i + size / 2, or where `interleaved` 2 i and 2 i + 1; those from `size` on stay. `angles`
// are those of a position: the cosines of all pairs, then their sines.
// `lanes` work-items share a head, each with pairs lane, lane + lanes ... in vectors of FUNCTION_LANES.
// Prepend common/elements, common/functions.

// What becomes of one number of a pair; `other` is the other one.
INLINE floats turned(floats x, floats other, floats cosine, floats sine, bool is_first) {
  const floats by = other * sine;
  return FMA(x, cosine, is_first ? -by : by);
}

// Number p of a head after its rotation.
INLINE float turned_number(int size, int interleaved, GLOBAL const float *x, GLOBAL const float *angles, int p) {
  const int half_size = size / 2;
  if (p >= size) return x[p];
  const int pair = interleaved ? p / 2 : p % half_size;
  const bool is_first = interleaved ? p % 2 == 0 : p < half_size;
  const float other = x[interleaved ? p ^ 1 : is_first ? p + half_size : p - half_size];
  return LANE_0(turned(EACH(x[p]), EACH(other), EACH(angles[pair]), EACH(angles[half_size + pair]), is_first));
}

#if FUNCTION_LANES > 1
// Pairs i to i + FUNCTION_LANES - 1, all there.
INLINE void turn_halves(int half_size, GLOBAL const float *x, GLOBAL float *y, GLOBAL const float *angles, int i) {
  const floats cosine = load_floats(angles + i, FUNCTION_LANES);
  const floats sine = load_floats(angles + half_size + i, FUNCTION_LANES);
  const floats x0 = load_floats(x + i, FUNCTION_LANES), x1 = load_floats(x + half_size + i, FUNCTION_LANES);
  store_floats(turned(x0, x1, cosine, sine, true), y + i, FUNCTION_LANES);
  store_floats(turned(x1, x0, cosine, sine, false), y + half_size + i, FUNCTION_LANES);
}
INLINE void turn_neighbours(int half_size, GLOBAL const float *x, GLOBAL float *y, GLOBAL const float *angles, int i) {
  const floats cosine = load_floats(angles + i, FUNCTION_LANES);
  const floats sine = load_floats(angles + half_size + i, FUNCTION_LANES);
  floats low = load_floats(x + 2 * i, FUNCTION_LANES), high = load_floats(x + 2 * i + FUNCTION_LANES, FUNCTION_LANES);
  floats x0, x1;
  x0.lo = low.even;
  x0.hi = high.even;
  x1.lo = low.odd;
  x1.hi = high.odd;
  const floats y0 = turned(x0, x1, cosine, sine, true), y1 = turned(x1, x0, cosine, sine, false);
  low.even = y0.lo;
  low.odd = y1.lo;
  high.even = y0.hi;
  high.odd = y1.hi;
  store_floats(low, y + 2 * i, FUNCTION_LANES);
  store_floats(high, y + 2 * i + FUNCTION_LANES, FUNCTION_LANES);
}
#endif

// The first `size` numbers of a head; y may be x.
INLINE void turn_pairs(int size, int interleaved, GLOBAL const float *x, GLOBAL float *y, GLOBAL const float *angles,
                       int lane, int lanes) {
  const int half_size = size / 2;
  int whole = 0;
#if FUNCTION_LANES > 1
  whole = half_size / FUNCTION_LANES * FUNCTION_LANES;
  if (interleaved)
    for (int i = lane * FUNCTION_LANES; i < whole; i += lanes * FUNCTION_LANES)
      turn_neighbours(half_size, x, y, angles, i);
  else
    for (int i = lane * FUNCTION_LANES; i < whole; i += lanes * FUNCTION_LANES)
      turn_halves(half_size, x, y, angles, i);
#endif
  for (int i = whole + lane; i < half_size; i += lanes) {
    const int a = interleaved ? 2 * i : i, b = interleaved ? a + 1 : a + half_size;
    const floats x0 = EACH(x[a]), x1 = EACH(x[b]), cosine = EACH(angles[i]), sine = EACH(angles[half_size + i]);
    y[a] = LANE_0(turned(x0, x1, cosine, sine, true));
    y[b] = LANE_0(turned(x1, x0, cosine, sine, false));
  }
}

// A head of n numbers at a position, from x to y, which may be x. `table` has the angles of positions below `count`: at
// others numbers of pairs become NaN, below 0 all stay.
INLINE void turn_head(int n, int size, int interleaved, GLOBAL const float *x, GLOBAL float *y,
                      GLOBAL const float *table, int count, int position, int lane, int lanes) {
  const int turns = position < 0 ? 0 : size;
  if (position < count)
    turn_pairs(turns, interleaved, x, y, table + (long)(position < 0 ? 0 : position) * size, lane, lanes);
  else
    for (int p = lane; p < turns; p += lanes) y[p] = NAN;
  if (x == y) return;
  for (int p = turns + lane * FUNCTION_LANES; p < n; p += lanes * FUNCTION_LANES)
    store_floats(load_floats(x + p, n - p), y + p, n - p);
}
