// SPDX-License-Identifier: Apache-2.0
// common/attention_kv: what a cache of keys and values (common/attention) is read and written with, in OpenCL C.
// KV_FLOATS(p)    FUNCTION_LANES numbers as floats; where KV_TYPE is Q8_0 bytes, KV_SCALES(p) their scales
// KV_STORE(x, p)  stores one number
// Prepend common/elements, common/functions.
#ifndef KV_TYPE
#define KV_TYPE F32 // F32, F16, BF16, Q8_0
#endif
#define KV_F32 1 // lets #if compare and check types: an unknown one is 0
#define KV_F16 2
#define KV_BF16 3
#define KV_Q8_0 4
#define KV_CODE JOIN_WORDS(KV_, KV_TYPE)
#if !KV_CODE
#error "common/attention_kv: KV_TYPE must be F32, F16, BF16 or Q8_0"
#endif
#define TASK_SUFFIX KV_TYPE
#define KV_STORAGE STORAGE(KV_TYPE)
#define KV_FLOATS(p) LOAD(KV_TYPE, FUNCTION_LANES)(p)
#define KV_SCALES(p) LOAD(F16, FUNCTION_LANES)((__global const half *)(p))
#define KV_STORE(x, p) STORE(KV_TYPE, 1)(x, p)
#define FLOAT_BITS(x) as_uint(x)
#define STORE_HALF(x, p) store1_F16(x, (__global half *)(p))

typedef uchar storage_Q8_0;
INLINE float load1_Q8_0(__global const uchar *p) { return (float)(char)*p; }
#define LOAD_BYTES(N)                                                                                                  \
  INLINE float##N load##N##_Q8_0(__global const uchar *p) {                                                           \
    return convert_float##N(vload##N(0, (__global const char *)p));                                                    \
  }
LOAD_BYTES(4)
LOAD_BYTES(8)
LOAD_BYTES(16)
