// SPDX-License-Identifier: Apache-2.0
// reduce: element-wise over several buffers, in the order of a postfix program; and the bias of a linear layer.
#pragma once
#include "vectors.h"

// Elements that pass through the whole program at a time; the stack of intermediate results stays in the L1 cache.
#define REDUCE_CHUNK 512

// Where a and b are equal only the signs of zeros differ, and `and` (`or`) of the bits picks +0 (-0).
INLINE vec combine(shard_host_operation operation, vec left, vec right) {
  if (operation == SHARD_HOST_SUM)
    return left + right;
  vec_bits x, y;
  memcpy(&x, &left, sizeof x);
  memcpy(&y, &right, sizeof y);
  const vec_bits zeros = operation == SHARD_HOST_MAX ? x & y : x | y;
  vec equal;
  memcpy(&equal, &zeros, sizeof equal);
  const vec further = operation == SHARD_HOST_MAX ? (left > right ? left : right) : (left < right ? left : right);
  return left != left ? left : (left == right ? equal : further);
}

// Addends of `count` elements, a whole number of vectors. Types are constants where this is inlined.
INLINE void reduce_chunk(shard_host_operation operation, shard_host_type type, const void *const *addends,
                         const uint8_t *program, size_t program_length, void *out, size_t begin, size_t count) {
  float stack[SHARD_HOST_ADDENDS][REDUCE_CHUNK];
  size_t depth = 0;
  for (size_t step = 0; step < program_length; step++) {
    const bool last_join = step + 1 == program_length && program[step] == SHARD_HOST_JOIN;
    if (program[step] == SHARD_HOST_JOIN) {
      depth--;
      if (last_join)
        for (size_t i = 0; i < count; i += LANES)
          store_elements(type, out, begin + i, combine(operation, load(stack[0] + i), load(stack[1] + i)));
      else
        for (size_t i = 0; i < count; i += LANES)
          store(stack[depth - 1] + i, combine(operation, load(stack[depth - 1] + i), load(stack[depth] + i)));
    } else {
      for (size_t i = 0; i < count; i += LANES)
        store(stack[depth] + i, load_elements(type, addends[program[step]], begin + i));
      depth++;
    }
  }
  if (program_length == 1)
    for (size_t i = 0; i < count; i += LANES)
      store_elements(type, out, begin + i, load(stack[0] + i));
}

INLINE void reduce_range(shard_host_operation operation, shard_host_type type, const void *const *addends,
                         size_t addend_count, const uint8_t *program, size_t length, void *out, size_t begin,
                         size_t end) {
  const size_t whole = begin + (end - begin) / LANES * LANES, bytes = type_bytes(type);
  for (size_t i = begin; i < whole; i += REDUCE_CHUNK)
    reduce_chunk(operation, type, addends, program, length, out, i, whole - i < REDUCE_CHUNK ? whole - i : REDUCE_CHUNK);
  if (whole == end)
    return;
  // The rest is less than a vector: it is copied to whole ones.
  uint32_t rest[SHARD_HOST_ADDENDS + 1][LANES] = {{0}};
  const void *rests[SHARD_HOST_ADDENDS];
  for (size_t x = 0; x < addend_count; x++) {
    memcpy(rest[x], (const char *)addends[x] + whole * bytes, (end - whole) * bytes);
    rests[x] = rest[x];
  }
  reduce_chunk(operation, type, rests, program, length, rest[SHARD_HOST_ADDENDS], 0, LANES);
  memcpy((char *)out + whole * bytes, rest[SHARD_HOST_ADDENDS], (end - whole) * bytes);
}

#define REDUCE_FUNCTION(name, operation, type)                                                                         \
  static void name(const void *const *addends, size_t addend_count, const uint8_t *program, size_t length, void *out,  \
                   size_t begin, size_t end) {                                                                         \
    reduce_range(operation, type, addends, addend_count, program, length, out, begin, end);                            \
  }
REDUCE_FUNCTION(sum_f32, SHARD_HOST_SUM, SHARD_HOST_F32)
REDUCE_FUNCTION(sum_f16, SHARD_HOST_SUM, SHARD_HOST_F16)
REDUCE_FUNCTION(sum_bf16, SHARD_HOST_SUM, SHARD_HOST_BF16)
REDUCE_FUNCTION(max_f32, SHARD_HOST_MAX, SHARD_HOST_F32)
REDUCE_FUNCTION(max_f16, SHARD_HOST_MAX, SHARD_HOST_F16)
REDUCE_FUNCTION(max_bf16, SHARD_HOST_MAX, SHARD_HOST_BF16)
REDUCE_FUNCTION(min_f32, SHARD_HOST_MIN, SHARD_HOST_F32)
REDUCE_FUNCTION(min_f16, SHARD_HOST_MIN, SHARD_HOST_F16)
REDUCE_FUNCTION(min_bf16, SHARD_HOST_MIN, SHARD_HOST_BF16)

static void reduce(shard_host_operation operation, shard_host_type type, const void *const *addends,
                   size_t addend_count, const uint8_t *program, size_t length, void *out, size_t begin, size_t end) {
  static void (*const functions[3][3])(const void *const *, size_t, const uint8_t *, size_t, void *, size_t, size_t) = {
      {sum_f32, sum_f16, sum_bf16}, {max_f32, max_f16, max_bf16}, {min_f32, min_f16, min_bf16}};
  functions[operation][type](addends, addend_count, program, length, out, begin, end);
}

static void add_bias(float *restrict c, size_t ldc, const float *restrict bias, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++)
      c[i * ldc + j] += bias[j];
}
