// SPDX-License-Identifier: Apache-2.0
// Norms, softmax and rotary embedding of rows: Kernels/common over this level's vectors.
#pragma once
#include "functions.h"
#include <math.h>

#define GLOBAL
#define FETCH(p) __builtin_prefetch(p)
#define load_floats(from, count) load_some(from, (size_t)(count))
#define store_floats(x, to, count) store_some(to, x, (size_t)(count))
#include "../../Kernels/common/rows.cl"
#include "../../Kernels/common/norm.cl"
#include "../../Kernels/common/logits.cl"
#include "../../Kernels/common/softmax.cl"
#include "../../Kernels/common/rotary.cl"

static void norm_rows(const shard_host_norm *norm, size_t begin, size_t end) {
  const int steps = (norm->centred ? CENTRED : 0) | (norm->delta ? ADDS : 0) | (norm->weight ? WEIGHTED : 0) |
                    (norm->bias ? BIASED : 0);
  norm_lines((long)begin, (long)end, (int)norm->n, (int)norm->heads, steps, norm->inverse_n, norm->epsilon, norm->unit,
             norm->x, (long)norm->ldx, norm->delta, (long)norm->ldd, norm->weight, norm->bias, norm->y,
             (long)norm->ldy, 0);
}

static void softmax_rows(const shard_host_softmax *softmax, size_t begin, size_t end) {
  const long n = (long)softmax->n, queries = (long)softmax->queries;
  for (size_t row = begin; row < end; row++) {
    long valid = queries ? n - queries + 1 + (long)row % queries : n;
    if (softmax->lengths && softmax->lengths[row] < valid)
      valid = softmax->lengths[row];
    softmax_row((int)n, valid > 0 ? (int)valid : 0, softmax->scale, softmax->cap, softmax->x + row * softmax->ldx,
                softmax->y + row * softmax->ldy, 0);
  }
}

static void rotate_rows(const shard_host_rotation *call, size_t begin, size_t end) {
  for (size_t row = begin; row < end; row++) {
    const int position = call->positions ? call->positions[row] : call->first + (int)row;
    for (size_t head = 0; head < call->heads; head++) {
      const size_t column = head * call->head_size;
      turn_head((int)call->head_size, call->size, call->interleaved, call->x + row * call->ldx + column,
                call->y + row * call->ldy + column, call->angles, call->count, position, 0, 1);
    }
  }
}

// Elements p[0], p[step], p[2 * step] ...; `count` of them, at most LANES, the others are 0.
INLINE vec load_steps(const float *p, size_t step, size_t count) {
  if (step == 1)
    return load_some(p, count);
  vec v = (vec)0;
  if (count > LANES) { // a vector may reach one element past the last of these
    v.lo = load(p).even;
    v.hi = load(p + LANES).even;
    return v;
  }
  for (size_t t = 0; t < count; t++)
    v[t] = p[t * step];
  return v;
}

// One loop for each function, which is a constant where this is inlined.
INLINE void activate_row(shard_host_function function, const shard_host_activation *call, size_t row, size_t begin,
                         size_t end) {
  const float *x = call->x + row * call->ldx, *up = call->up + row * call->ldu;
  for (size_t j = begin; j < end; j += LANES) {
    vec v = function_of(function, load_steps(x + j * call->step, call->step, end - j));
    if (call->up)
      v = v * load_steps(up + j * call->step, call->step, end - j);
    store_some(call->y + row * call->ldy + j, v * (vec)call->scale, end - j);
  }
}

static void activate(const shard_host_activation *call, size_t row_begin, size_t row_end, size_t begin, size_t end) {
#define CASE(NAME)                                                                                                     \
  case NAME:                                                                                                           \
    activate_row(NAME, call, row, begin, end);                                                                    \
    break;
  for (size_t row = row_begin; row < row_end; row++)
    switch (call->function) {
      CASE(SHARD_HOST_RELU)
      CASE(SHARD_HOST_RELU_SQUARED)
      CASE(SHARD_HOST_SILU)
      CASE(SHARD_HOST_GELU)
      CASE(SHARD_HOST_GELU_TANH)
    default:
      activate_row(SHARD_HOST_NONE, call, row, begin, end);
    }
#undef CASE
}
