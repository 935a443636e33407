// SPDX-License-Identifier: Apache-2.0
// common/functions: exp, log, tanh, erf, sigmoid, 1 / sqrt(x), division and activations with the same bits on every
// device. OpenCL C and C: the CPU fallback includes this file too (Sources/CShardHost/functions.h).
// Drivers' own functions differ in their last bits, and so does division. These are made of add, multiply, fma, integer
// operations and comparisons in one order. `floats` is a vector of FUNCTION_LANES floats; a lane's bits depend not on
// FUNCTION_LANES.
//   function           largest error  values
//   portable_exp       0.91 ulp       -inf -> 0, overflow -> inf; a subnormal result is rounded once
//   portable_log       0.86 ulp       +-0 -> -inf, inf -> inf, below 0 NaN
//   portable_rsqrt     0.50 ulp       +-0 -> +-inf, inf -> 0, below 0 NaN
//   portable_tanh      1.37 ulp       +-inf -> +-1, odd, -0 -> -0
//   portable_erf       1.27 ulp       +-inf -> +-1, odd, -0 -> -0
//   portable_sigmoid   2.41 ulp       -inf -> 0, +inf -> 1
//   portable_decay     0.89 ulp       e^x for x <= 0; 0 below -87
//   portable_divide    0.50 ulp       as IEEE 754, but 2^i / (2^j - 2^(j-24)) is rounded down; 0.75 ulp where subnormal
// NaN gives NaN, of no certain payload. Subnormals count where the device has them (CL_FP_DENORM).
// Scripts/function-errors finds these errors over all 2^32 floats. Polynomials are minimax fits of relative error.
// Prepend common/elements.
#ifdef __OPENCL_C_VERSION__
#ifndef FUNCTION_LANES
#define FUNCTION_LANES 1 // 1, 2, 4, 8, 16
#endif
#if FUNCTION_LANES == 1
typedef float floats;
typedef uint uints;
#define LANE_0(x) (x) // the first lane of a vector
#define as_floats as_float
#define as_uints as_uint
#else
#define LANE_0(x) (x).s0
typedef JOIN_WORDS(float, FUNCTION_LANES) floats;
typedef JOIN_WORDS(uint, FUNCTION_LANES) uints;
#define as_floats JOIN_WORDS(as_float, FUNCTION_LANES)
#define as_uints JOIN_WORDS(as_uint, FUNCTION_LANES)
#endif
#define FMA(a, b, c) fma(a, b, c)
typedef floats unaligned_floats __attribute__((aligned(4))); // vstore16 is four stores on some devices

// The first `count` elements, at most FUNCTION_LANES of them; the others are 0.
INLINE floats load_floats(__global const float *p, long count) {
  if (count >= FUNCTION_LANES) return *(__global const unaligned_floats *)p;
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } v;
  v.vector = 0;
  for (int t = 0; t < FUNCTION_LANES; t++)
    if (t < count) v.element[t] = p[t];
  return v.vector;
}

INLINE void store_floats(floats x, __global float *p, long count) {
  if (count >= FUNCTION_LANES) {
    *(__global unaligned_floats *)p = x;
    return;
  }
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } v;
  v.vector = x;
  for (int t = 0; t < FUNCTION_LANES; t++)
    if (t < count) p[t] = v.element[t];
}
#endif
#define SIGN 0x80000000u
#define EACH(x) ((floats)(x)) // one number in every lane

// The first `count` elements of x, and `other` for the rest.
INLINE floats inside(floats x, long count, float other) {
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } v;
  v.vector = x;
  for (int t = 0; t < FUNCTION_LANES; t++)
    if (t >= count) v.element[t] = other;
  return v.vector;
}

INLINE floats magnitude(floats x) { return as_floats(as_uints(x) & ~SIGN); }
INLINE floats with_sign(floats magnitude, floats sign) {
  return as_floats(as_uints(magnitude) | (as_uints(sign) & SIGN));
}

// x * 2^(n - 254), rounded once, for n in 2..508 and x in 0.5..2.
INLINE floats scale(floats x, uints n) {
  const uints low = n >> 1;
  return x * as_floats(low << 23) * as_floats((n - low) << 23);
}

// A better 1 / d: thrice the digits of r. Functions, since some compilers leave a loop of two steps.
INLINE floats better_reciprocal(floats r, floats d) {
  const floats e = FMA(-d, r, EACH(1.0f));
  return FMA(FMA(e, e, e), r, r);
}
// A better 1 / sqrt(m), alike.
INLINE floats better_rsqrt(floats y, floats m) {
  const floats e = FMA(-(m * y), y, EACH(1.0f));
  return FMA(FMA(e, EACH(0.375f), EACH(0.5f)) * e, y, y);
}

// n / d, rounded to the nearest, for a normal d and where neither 1 / d nor the result is near the ends of the range.
INLINE floats quotient(floats n, floats d) {
  floats r = as_floats(0x7ef311c7u - as_uints(d)); // 1 / d to one part in eight
  r = better_reciprocal(better_reciprocal(r, d), d);
  r = FMA(FMA(-d, r, EACH(1.0f)), r, r);
  const floats q = n * r;
  return FMA(FMA(-d, q, n), r, q); // the nearest, since r is (Markstein 1990); but for a d of ones alone
}

// The significand of |x|, in 1..2, and its power of two + 151 in `power`; of no meaning for zero, infinity and NaN.
INLINE floats significand(floats x, uints *power) {
  const floats positive = magnitude(x);
  const uints bits = as_uints(positive < 0x1p-126f ? positive * 0x1p24f : positive);
  *power = (bits >> 23) + (positive < 0x1p-126f ? (uints)(0) : (uints)(24));
  return as_floats((bits & 0x007fffffu) | 0x3f800000u);
}

INLINE floats portable_divide(floats a, floats b) {
  uints up, down;
  const floats top = significand(a, &up), q = quotient(top, significand(b, &down));
  // Far outside the range is as good as just outside, and does not overflow `scale`.
  const uints n = up + 152 < down ? (uints)(102) : up > down + 130 ? (uints)(384) : up + 254 - down;
  const floats regular = with_sign(scale(q, n), as_floats(as_uints(a) ^ as_uints(b)));
  // Zero, infinity and NaN as IEEE 754 says: the product with an inverse that is known without a division.
  const floats infinity = as_floats((uints)(0x7f800000u));
  const floats inverse = b == 0 ? infinity : magnitude(b) == infinity ? EACH(0.0f) : b == b ? EACH(1.0f) : b;
  const floats special = a * with_sign(inverse, b);
  const floats size = magnitude(a) * 0 + magnitude(b) * 0; // 0, or NaN where one is infinite or NaN
  return size == 0 && a != 0 && b != 0 ? regular : special;
}

// e^x = 2^n * e^r with |r| <= ln(2) / 2.
INLINE floats portable_exp(floats x) {
  const floats shift = EACH(0x1.8p23f); // adding it rounds to a whole number, which is then in the low bits
  x = x > 89.0f ? EACH(89.0f) : x < -104.0f ? EACH(-104.0f) : x; // e^89 overflows, e^-104 rounds to 0
  const floats t = FMA(x, EACH(0x1.715476p+0f), shift), n = t - shift;
  floats r = FMA(n, EACH(-0x1.62e43p-1f), x);
  r = FMA(n, EACH(0x1.05c61p-29f), r);
  floats y = EACH(0x1.6a2352p-10f);
  y = FMA(y, r, EACH(0x1.123a6cp-7f));
  y = FMA(y, r, EACH(0x1.5558f4p-5f));
  y = FMA(y, r, EACH(0x1.55549p-3f));
  y = FMA(y, r, EACH(0x1.fffffcp-2f));
  y = FMA(y, r, EACH(1.0f));
  y = FMA(y, r, EACH(1.0f));
  return scale(y, as_uints(t) - as_uints(shift) + 254);
}

// What attention multiplies by: portable_exp without the ends of its range.
INLINE floats portable_decay(floats x) {
  const floats shift = EACH(0x1.8p23f);
  const floats t = FMA(x, EACH(0x1.715476p+0f), shift), n = t - shift;
  floats r = FMA(n, EACH(-0x1.62e43p-1f), x);
  r = FMA(n, EACH(0x1.05c61p-29f), r);
  floats y = EACH(0x1.6a2352p-10f);
  y = FMA(y, r, EACH(0x1.123a6cp-7f));
  y = FMA(y, r, EACH(0x1.5558f4p-5f));
  y = FMA(y, r, EACH(0x1.55549p-3f));
  y = FMA(y, r, EACH(0x1.fffffcp-2f));
  y = FMA(y, r, EACH(1.0f));
  y = FMA(y, r, EACH(1.0f));
  // The last bits of t count n; those above leave with the shift.
  y *= as_floats((as_uints(t) << 23) + 0x3f800000u);
  return x < -87.0f ? EACH(0.0f) : y;
}

// x = 2^k * m with m next to 1, log(x) = k * log(2) + log1p(m - 1).
INLINE floats portable_log(floats x) {
  uints power;
  const uints s = as_uints(significand(x, &power)), above = (s - 0x3f3504f4u) >> 23; // 1 from the root of 2 on, else 0
  const floats f = as_floats(s - (above << 23)) - 1.0f, infinity = as_floats((uints)(0x7f800000u));
  const floats k = as_floats((power + above) | 0x4b000000u) - (0x1p23f + 151.0f); // a whole number as the low bits
  floats y = EACH(0x1.14573ep-4f);
  y = FMA(y, f, EACH(-0x1.de3bf8p-4f));
  y = FMA(y, f, EACH(0x1.e6f08cp-4f));
  y = FMA(y, f, EACH(-0x1.fc220ep-4f));
  y = FMA(y, f, EACH(0x1.233766p-3f));
  y = FMA(y, f, EACH(-0x1.555c4ep-3f));
  y = FMA(y, f, EACH(0x1.99a4b6p-3f));
  y = FMA(y, f, EACH(-0x1.000006p-2f));
  y = FMA(y, f, EACH(0x1.555548p-2f));
  y = FMA(y, f, EACH(-0.5f));
  const floats rest = FMA(k, EACH(-0x1.05c61p-29f), f * f * y);
  const floats regular = FMA(k, EACH(0x1.62e43p-1f), f + rest);
  const floats special = x == 0 ? -infinity : x == infinity ? x : as_floats((uints)(0x7fc00000u));
  return x > 0 && x < infinity ? regular : special;
}

// x = 4^p * m with m in 1..4; the last step knows the part of m * y that rounding takes.
INLINE floats portable_rsqrt(floats x) {
  uints power;
  const floats s = significand(x, &power), infinity = as_floats((uints)(0x7f800000u));
  const floats m = (power & 1) == 0 ? s + s : s;
  floats y = as_floats(0x5f375a86u - (as_uints(m) >> 1)); // to one part in thirty
  y = better_rsqrt(better_rsqrt(y, m), m);
  const floats t = m * y, e = FMA(-FMA(m, y, -t), y, FMA(-t, y, EACH(1.0f)));
  const floats regular = FMA(0.5f * y, e, y) * as_floats((203 - ((power + 1) >> 1)) << 23);
  const floats special = x == 0 ? with_sign(infinity, x) : x == infinity ? EACH(0.0f) : as_floats((uints)(0x7fc00000u));
  return x > 0 && x < infinity ? regular : special;
}

// 1 / (1 + e^-x), from e^-|x|, which does not overflow.
INLINE floats portable_sigmoid(floats x) {
  const floats e = portable_exp(-magnitude(x));
  return quotient(x < 0 ? e : EACH(1.0f), 1.0f + e);
}

// x + x^3 * P(x^2) near 0, else 1 - 2 / (e^2|x| + 1).
INLINE floats portable_tanh(floats x) {
  const floats a = magnitude(x), s = x * x;
  floats y = EACH(0x1.18e1dep-9f);
  y = FMA(y, s, EACH(-0x1.0bf4fcp-7f));
  y = FMA(y, s, EACH(0x1.638b58p-6f));
  y = FMA(y, s, EACH(-0x1.b9ee9p-5f));
  y = FMA(y, s, EACH(0x1.111066p-3f));
  y = FMA(y, s, EACH(-0x1.555554p-2f));
  const floats small = FMA(y * s, a, a);
  const floats e = portable_exp(a > 10.0f ? EACH(20.0f) : a + a);
  return with_sign(a < 0.625f ? small : 1.0f - quotient(EACH(2.0f), 1.0f + e), x);
}

// x + x * P(x^2) near 0, else 1 - e^(t * P(t) - t).
INLINE floats portable_erf(floats x) {
  const floats a = magnitude(x), s = x * x, t = a > 4.0f ? EACH(4.0f) : a;
  floats y = EACH(-0x1.3825c4p-11f);
  y = FMA(y, s, EACH(0x1.46c234p-8f));
  y = FMA(y, s, EACH(-0x1.b676cap-6f));
  y = FMA(y, s, EACH(0x1.ce1904p-4f));
  y = FMA(y, s, EACH(-0x1.8126dcp-2f));
  y = FMA(y, s, EACH(0x1.06eba6p-3f));
  const floats small = FMA(y, a, a);
  floats z = EACH(-0x1.78dc34p-17f);
  z = FMA(z, t, EACH(0x1.527c04p-12f));
  z = FMA(z, t, EACH(-0x1.dd6ca8p-9f));
  z = FMA(z, t, EACH(0x1.855152p-6f));
  z = FMA(z, t, EACH(-0x1.b32570p-4f));
  z = FMA(z, t, EACH(-0x1.45328ep-1f));
  z = FMA(z, t, EACH(-0x1.0778dcp-3f));
  return with_sign(a > 0.925f ? 1.0f - portable_exp(FMA(z, t, -t)) : small, x);
}

// Activations. A sigmoid of -128 is 0, so that -infinity gives -0 and not the NaN of infinity times 0.
INLINE floats bounded(floats x) { return x < -128.0f ? EACH(-128.0f) : x; }
INLINE floats activation_NONE(floats x) { return x; }
INLINE floats activation_RELU(floats x) { return x < 0 ? EACH(0.0f) : x; }
INLINE floats activation_RELU_SQUARED(floats x) { return activation_RELU(x) * activation_RELU(x); }
INLINE floats activation_SILU(floats x) { return bounded(x) * portable_sigmoid(x); }
// x / 2 * (1 + erf(x / sqrt(2)))
INLINE floats activation_GELU(floats x) {
  return bounded(x) * FMA(portable_erf(x * 0x1.6a09e6p-1f), EACH(0.5f), EACH(0.5f));
}
// x / 2 * (1 + tanh(z)) = x * sigmoid(2 z), z = sqrt(2 / pi) * (x + 0.044715 x^3)
INLINE floats activation_GELU_TANH(floats x) {
  return bounded(x) * portable_sigmoid(0x1.988454p+0f * FMA(x * x * 0x1.6e4e26p-5f, x, x));
}

// The activation of a number: 0 none, then in the order above.
INLINE floats activated(int activation, floats x) {
  switch (activation) {
  case 1: return activation_RELU(x);
  case 2: return activation_RELU_SQUARED(x);
  case 3: return activation_SILU(x);
  case 4: return activation_GELU(x);
  case 5: return activation_GELU_TANH(x);
  default: return x;
  }
}
