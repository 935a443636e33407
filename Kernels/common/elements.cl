// SPDX-License-Identifier: Apache-2.0
// common/elements: storage types F32, F16 and BF16, arithmetic in f32.
// STORAGE(T)   the C type of a stored element
// LOAD(T, N)   reads N elements, one after the other, as a floatN; exact
// STORE(T, N)  writes a floatN as N elements, rounded once to nearest even
#pragma OPENCL FP_CONTRACT OFF

#define GLOBAL __global // nothing where C includes a common file
#define INLINE static inline __attribute__((always_inline))
#define JOIN_WORDS_(a, b) a##b
#define JOIN_WORDS(a, b) JOIN_WORDS_(a, b)
#ifndef __has_builtin
#define __has_builtin(x) 0
#endif
// FETCH(p) asks for the memory at p, which need not be there, to be in a cache soon.
#if __has_builtin(__builtin_prefetch) && !defined(__SPIR__) // no builtins of the compiler survive SPIR
#define FETCH(p) __builtin_prefetch((const void *)(size_t)(p))
#define FETCH_FAR(p) __builtin_prefetch((const void *)(size_t)(p), 0, 2) // into the second-level cache
#else
#define FETCH(p) (void)(p)
#define FETCH_FAR(p) (void)(p)
#endif
#define ELEMENT_F32 1 // lets #if compare and check element types: an unknown one is 0
#define ELEMENT_F16 2
#define ELEMENT_BF16 3
#define ELEMENT(T) JOIN_WORDS(ELEMENT_, T)
#define STORAGE(T) JOIN_WORDS(storage_, T)
#define LOAD(T, N) JOIN_WORDS(JOIN_WORDS(load, N), JOIN_WORDS(_, T))
#define STORE(T, N) JOIN_WORDS(JOIN_WORDS(store, N), JOIN_WORDS(_, T))

typedef float storage_F32;
typedef half storage_F16;
typedef ushort storage_BF16;

INLINE float load1_F32(__global const float *p) { return *p; }
INLINE float load1_F16(__global const half *p) { return vload_half(0, p); }
INLINE float load1_BF16(__global const ushort *p) { return as_float((uint)*p << 16); }
INLINE void store1_F32(float x, __global float *p) { *p = x; }
INLINE void store1_F16(float x, __global half *p) { vstore_half_rte(x, 0, p); }
INLINE void store1_BF16(float x, __global ushort *p) {
  const uint bits = as_uint(x);
  *p = isnan(x) ? bits >> 16 | 64 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

// A NaN stays one: 64 is the quiet bit, which a cut mantissa may lack.
#define DEFINE_VECTORS(N)                                                                                              \
  INLINE float##N load##N##_F32(__global const float *p) { return vload##N(0, p); }                             \
  INLINE float##N load##N##_F16(__global const half *p) { return vload_half##N(0, p); }                         \
  INLINE float##N load##N##_BF16(__global const ushort *p) {                                                    \
    return as_float##N(convert_uint##N(vload##N(0, p)) << 16);                                                         \
  }                                                                                                                    \
  INLINE void store##N##_F32(float##N x, __global float *p) { vstore##N(x, 0, p); }                             \
  INLINE void store##N##_F16(float##N x, __global half *p) { vstore_half##N##_rte(x, 0, p); }                   \
  INLINE void store##N##_BF16(float##N x, __global ushort *p) {                                                 \
    const uint##N bits = as_uint##N(x), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;                            \
    vstore##N(convert_ushort##N(isnan(x) ? bits >> 16 | 64 : rounded), 0, p);                                          \
  }
DEFINE_VECTORS(2)
DEFINE_VECTORS(4)
DEFINE_VECTORS(8)
DEFINE_VECTORS(16)
