// SPDX-License-Identifier: Apache-2.0
// Quantised panels as vectors, a lane for each row. The layout is that of Kernels/common/blocks, rows side by side
// (lane bytes 1); functions of one format are in block_format.h.
#pragma once
#include "vectors.h"

#define TILE_COLUMNS (TILE_VECTORS * LANES) // rows of a panel of B
#define JOIN_WORDS_(a, b) a##b
#define JOIN_WORDS(a, b) JOIN_WORDS_(a, b)
#define INPUT
#define OUTPUT
typedef uint8_t uchar;
typedef uint32_t uint;
#define FORMAT Q8_0 // any: macros of common/blocks ask for it when they are used
#include "common/blocks.cl"
#undef FORMAT
#define RECORD_BYTES (PANEL_BYTES * TILE_COLUMNS)
#define SHARE_BYTES (RECORD_BYTES / (LENGTH / 8)) // of a record in 8 columns
#define GROUP_COLUMNS 32                          // the longest group

typedef uint8_t vec_bytes __attribute__((ext_vector_type(LANES)));
typedef int32_t vec_ints __attribute__((ext_vector_type(LANES)));
typedef int8_t vec_signed_bytes __attribute__((ext_vector_type(LANES)));

INLINE vec_bits load_bits(const uint8_t *from) {
  vec_bits bits;
  memcpy(&bits, from, sizeof bits);
  return bits;
}

INLINE vec_bits load_bytes(const uint8_t *from) {
  vec_bytes bytes;
  memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, vec_bits);
}

INLINE vec load_signed_bytes(const uint8_t *from) {
  vec_signed_bytes bytes;
  memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, vec);
}

// 2^23 plus a whole number below it, as bits: floats there have no fraction, so that an `or` and a subtraction convert
// exactly, in fewer instructions than an integer subtraction and a conversion.
#define MAGIC_BITS 0x4b000000u
#define MAGIC 0x1p23f

INLINE vec from_magic(vec_bits bits, float bias) {
  vec value;
  memcpy(&value, &bits, sizeof value);
  return value - (vec)(MAGIC + bias);
}

// Values of q by their low bits, where a table is faster than arithmetic or the only way.
static const float whole_numbers[24] = {-8, -7, -6, -5, -4, -3, -2, -1, 0,  1,  2,  3,
                                        4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15};
static const float iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
#if defined(__x86_64__) && LANES == 16
#define LOOKS_UP (LOW == 4 && !HIGH)
#else
#define LOOKS_UP FORMAT_IS(IQ4_NL)
#endif

// table[number & 15], on x86 by the instruction that it has for it.
INLINE vec look_up(const float table[16], vec_bits number) {
  vec value;
#if defined(__x86_64__) && LANES == 16
  value = __builtin_ia32_permvarsf512(load(table), (vec_ints)number);
#elif defined(__x86_64__) && LANES == 8
  const vec lower = __builtin_ia32_permvarsf256(load(table), (vec_ints)number);
  const vec upper = __builtin_ia32_permvarsf256(load(table + 8), (vec_ints)number);
  value = (number & 8) != 0 ? upper : lower;
#else
  UNROLL for (int lane = 0; lane < LANES; lane++) value[lane] = table[number[lane] & 15];
#endif
  return value;
}

// Scale and offset of each row of a panel in a group.
typedef struct {
  vec scale[TILE_VECTORS], offset[TILE_VECTORS];
} block_scales;

// A quantised format.
typedef struct {
  size_t length, group; // columns of a block, of a group
  size_t record_bytes;  // of a block in a panel
  bool offsets;
  // Rows x columns in blocks to panels [panel_begin, panel_end) at `target`, the address of panel 0.
  void (*pack)(const uint8_t *source, size_t rows, size_t columns, uint8_t *target, size_t panel_begin,
               size_t panel_end);
  // A group of a block: q[column][row], a row of scales, then one of offsets where there are some.
  void (*unpack)(const uint8_t *record, int group, float *restrict q, float *restrict scales);
} block_format;

#define EACH_FORMAT "block_format.h"
#include "each_format.h"

// What is called PREFIX and a format's name, by the number of the format; null for elements.
#define FORMAT_TABLE(PREFIX)                                                                                           \
  {                                                                                                                    \
    [SHARD_HOST_FORMAT_Q8_0] = &PREFIX##Q8_0, [SHARD_HOST_FORMAT_Q4_0] = &PREFIX##Q4_0,                                \
    [SHARD_HOST_FORMAT_Q4_1] = &PREFIX##Q4_1, [SHARD_HOST_FORMAT_Q5_0] = &PREFIX##Q5_0,                                \
    [SHARD_HOST_FORMAT_Q5_1] = &PREFIX##Q5_1, [SHARD_HOST_FORMAT_IQ4_NL] = &PREFIX##IQ4_NL,                            \
    [SHARD_HOST_FORMAT_Q4_K] = &PREFIX##Q4_K, [SHARD_HOST_FORMAT_Q5_K] = &PREFIX##Q5_K,                                \
    [SHARD_HOST_FORMAT_Q6_K] = &PREFIX##Q6_K                                                                           \
  }

// Null for elements.
INLINE const block_format *block_format_of(shard_host_format format) {
  static const block_format *const formats[] = FORMAT_TABLE(block_format_);
  return formats[format];
}

static void pack_blocks(shard_host_format format, const void *source, size_t rows, size_t columns, void *target,
                        size_t panel_begin, size_t panel_end) {
  block_format_of(format)->pack(source, rows, columns, target, panel_begin, panel_end);
}
