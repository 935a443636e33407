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

// An operand of a join: an addend, still in its type, or an intermediate result in f32.
typedef struct {
  const void *data;
  bool is_addend;
} reduce_operand;

INLINE vec fetch(shard_host_type type, const void *data, size_t index) {
  __builtin_prefetch((const char *)data + index * type_bytes(type) + PREFETCH_BYTES);
  return load_elements(type, data, index);
}

// All but the pointers and `count` are constants where this is inlined.
INLINE void join_as(shard_host_operation operation, shard_host_type left_type, shard_host_type right_type,
                    shard_host_type out_type, const void *left, const void *right, void *out, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    store_elements(out_type, out, i, combine(operation, fetch(left_type, left, i), fetch(right_type, right, i)));
}

INLINE void join(shard_host_operation operation, shard_host_type type, reduce_operand left, reduce_operand right,
                 void *out, bool is_last, size_t count) {
  const shard_host_type f32 = SHARD_HOST_F32;
  switch (left.is_addend * 4 + right.is_addend * 2 + is_last) {
  case 0:
    return join_as(operation, f32, f32, f32, left.data, right.data, out, count);
  case 1:
    return join_as(operation, f32, f32, type, left.data, right.data, out, count);
  case 2:
    return join_as(operation, f32, type, f32, left.data, right.data, out, count);
  case 3:
    return join_as(operation, f32, type, type, left.data, right.data, out, count);
  case 4:
    return join_as(operation, type, f32, f32, left.data, right.data, out, count);
  case 5:
    return join_as(operation, type, f32, type, left.data, right.data, out, count);
  case 6:
    return join_as(operation, type, type, f32, left.data, right.data, out, count);
  case 7:
    return join_as(operation, type, type, type, left.data, right.data, out, count);
  }
}

// The whole program over elements `begin` to `begin + count`, a whole number of vectors. Nothing is written to `out`
// before the last join, which reads what it overwrites, so that `out` may be an addend.
INLINE void reduce_chunk(shard_host_operation operation, shard_host_type type, const void *const *addends,
                         const uint8_t *program, size_t program_length, void *out, size_t begin, size_t count) {
  float results[SHARD_HOST_ADDENDS][REDUCE_CHUNK];
  reduce_operand stack[SHARD_HOST_ADDENDS];
  char *target = (char *)out + begin * type_bytes(type);
  size_t depth = 0;
  for (size_t step = 0; step < program_length; step++) {
    if (program[step] != SHARD_HOST_JOIN) {
      stack[depth++] = (reduce_operand){(const char *)addends[program[step]] + begin * type_bytes(type), true};
      continue;
    }
    depth--;
    const bool is_last = step + 1 == program_length;
    join(operation, type, stack[depth - 1], stack[depth], is_last ? target : (char *)results[depth - 1], is_last,
         count);
    stack[depth - 1] = (reduce_operand){results[depth - 1], false};
  }
  if (program_length == 1)
    memmove(target, stack[0].data, count * type_bytes(type));
}

INLINE void reduce_range(shard_host_operation operation, shard_host_type type, const void *const *addends,
                         size_t addend_count, const uint8_t *program, size_t length, void *out, size_t begin,
                         size_t end) {
  const size_t whole = begin + (end - begin) / LANES * LANES, bytes = type_bytes(type);
  for (size_t i = begin; i < whole; i += REDUCE_CHUNK)
    reduce_chunk(operation, type, addends, program, length, out, i,
                 whole - i < REDUCE_CHUNK ? whole - i : REDUCE_CHUNK);
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
