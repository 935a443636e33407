// SPDX-License-Identifier: Apache-2.0
// common/elements: storage types F32, F16 and BF16 with f32 arithmetic. Loads are exact.
// STORAGE(T) is the C type of an element; LOAD(T, N)(p) reads N of them, one after the other, as a floatN.
#pragma OPENCL FP_CONTRACT OFF

#define JOIN_WORDS_(a, b) a##b
#define JOIN_WORDS(a, b) JOIN_WORDS_(a, b)
#define STORAGE(T) JOIN_WORDS(storage_, T)
#define LOAD(T, N) JOIN_WORDS(JOIN_WORDS(load, N), JOIN_WORDS(_, T))

typedef float storage_F32;
typedef half storage_F16;
typedef ushort storage_BF16;

#define DEFINE_LOADS(N)                                                                                                \
  static inline float##N load##N##_F32(__global const float *p) { return vload##N(0, p); }                             \
  static inline float##N load##N##_F16(__global const half *p) { return vload_half##N(0, p); }                         \
  static inline float##N load##N##_BF16(__global const ushort *p) {                                                    \
    return as_float##N(convert_uint##N(vload##N(0, p)) << 16);                                                         \
  }
DEFINE_LOADS(4)
DEFINE_LOADS(8)
DEFINE_LOADS(16)
static inline float load1_F32(__global const float *p) { return *p; }
static inline float load1_F16(__global const half *p) { return vload_half(0, p); }
static inline float load1_BF16(__global const ushort *p) { return as_float((uint)*p << 16); }
