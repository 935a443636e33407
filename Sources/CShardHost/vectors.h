// SPDX-License-Identifier: Apache-2.0
// Vectors of LANES floats, portable C that becomes the level's instructions, and the three element types.
// A level defines LANES, HAS_FMA and HAS_F16 (one instruction converts f16) before it includes this.
#pragma once
#include "CShardHost.h"
#include <string.h>

#pragma STDC FP_CONTRACT OFF
#define INLINE static inline __attribute__((always_inline))
// How far ahead long streams are asked for: faster than the hardware's own prefetching by a quarter.
#define PREFETCH_BYTES 4096
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vec __attribute__((ext_vector_type(LANES)));
typedef uint32_t vec_bits __attribute__((ext_vector_type(LANES)));
typedef uint16_t vec_halves __attribute__((ext_vector_type(LANES)));
typedef double vec_wide __attribute__((ext_vector_type(LANES)));
typedef int64_t vec_wide_bits __attribute__((ext_vector_type(LANES)));

INLINE vec load(const float *from) {
  vec v;
  memcpy(&v, from, sizeof v);
  return v;
}

INLINE void store(float *to, vec v) { memcpy(to, &v, sizeof v); }

// a * b + c, rounded once.
INLINE vec multiply_add(vec a, vec b, vec c) {
#if HAS_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  // In f64 the product is exact. Rounding its sum with c to odd makes the second rounding, to f32, the only one that
  // counts (Boldo and Melquiond 2008).
  const vec_wide product = __builtin_convertvector(a, vec_wide) * __builtin_convertvector(b, vec_wide);
  const vec_wide addend = __builtin_convertvector(c, vec_wide), sum = product + addend, back = sum - product;
  const vec_wide error = (product - (sum - back)) + (addend - back);
  vec_wide_bits bits;
  memcpy(&bits, &sum, sizeof bits);
  const vec_wide_bits inexact = (error > 0) | (error < 0), outwards = (error > 0) == (sum > 0);
  bits += inexact & ((bits & 1) - 1) & (1 | ~outwards);
  vec_wide odd;
  memcpy(&odd, &bits, sizeof odd);
  return __builtin_convertvector(odd, vec);
#endif
}

INLINE float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINE uint32_t to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

INLINE float from_f16(uint16_t half) {
#if HAS_F16
  _Float16 value;
  memcpy(&value, &half, sizeof value);
  return (float)value;
#else
  const uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
  if (magnitude >= 0x7c00u << 13) // infinity, or NaN made quiet
    return from_bits(sign | 0x7f800000 | magnitude | (magnitude > 0x7c00u << 13 ? 0x400000 : 0));
  return from_bits(sign | to_bits(from_bits(magnitude) * 0x1p112f)); // exact, subnormals too
#endif
}

INLINE uint16_t to_f16(float value) {
#if HAS_F16
  const _Float16 half = (_Float16)value;
  uint16_t bits;
  memcpy(&bits, &half, sizeof bits);
  return bits;
#else
  const uint32_t magnitude = to_bits(value) & 0x7fffffff, sign = to_bits(value) >> 16 & 0x8000;
  if (magnitude > 0x7f800000)
    return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x477ff000) // 65520 and more round to infinity
    return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000) // subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits
    return (uint16_t)(sign | (to_bits(from_bits(magnitude) + 0.5f) - 0x3f000000));
  return (uint16_t)(sign | (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13);
#endif
}

INLINE uint16_t to_bf16(float value) {
  const uint32_t bits = to_bits(value);
  return (uint16_t)(value != value ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

INLINE size_t type_bytes(shard_host_type type) { return type == SHARD_HOST_F32 ? 4 : 2; }

// Element `index` of an array, exactly.
INLINE float element(shard_host_type type, const void *base, ptrdiff_t index) {
  if (type == SHARD_HOST_F32)
    return ((const float *)base)[index];
  const uint16_t half = ((const uint16_t *)base)[index];
  return type == SHARD_HOST_F16 ? from_f16(half) : from_bits((uint32_t)half << 16);
}

// Elements `index` to `index + LANES - 1`, exactly.
INLINE vec load_elements(shard_host_type type, const void *base, size_t index) {
  if (type == SHARD_HOST_F32)
    return load((const float *)base + index);
  vec_halves halves;
  memcpy(&halves, (const uint16_t *)base + index, sizeof halves);
  vec value;
  if (type == SHARD_HOST_BF16) {
    const vec_bits bits = __builtin_convertvector(halves, vec_bits) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
#if HAS_F16
  typedef _Float16 vec_f16 __attribute__((ext_vector_type(LANES)));
  vec_f16 f16;
  memcpy(&f16, &halves, sizeof f16);
  return __builtin_convertvector(f16, vec);
#else
  UNROLL for (int lane = 0; lane < LANES; lane++) value[lane] = from_f16(halves[lane]);
  return value;
#endif
}

// Rounds to nearest, ties to even.
INLINE void store_elements(shard_host_type type, void *base, size_t index, vec value) {
  if (type == SHARD_HOST_F32) {
    store((float *)base + index, value);
    return;
  }
  vec_halves halves;
  if (type == SHARD_HOST_BF16) {
    vec_bits bits;
    memcpy(&bits, &value, sizeof bits);
    const vec_bits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
    halves = __builtin_convertvector(value != value ? quiet : rounded, vec_halves);
  } else {
#if HAS_F16
    typedef _Float16 vec_f16 __attribute__((ext_vector_type(LANES)));
    const vec_f16 f16 = __builtin_convertvector(value, vec_f16);
    memcpy(&halves, &f16, sizeof halves);
#else
    UNROLL for (int lane = 0; lane < LANES; lane++) halves[lane] = to_f16(value[lane]);
#endif
  }
  memcpy((uint16_t *)base + index, &halves, sizeof halves);
}

INLINE void store_element(shard_host_type type, void *base, size_t index, float value) {
  if (type == SHARD_HOST_F32)
    ((float *)base)[index] = value;
  else
    ((uint16_t *)base)[index] = type == SHARD_HOST_F16 ? to_f16(value) : to_bf16(value);
}
