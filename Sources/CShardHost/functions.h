// SPDX-License-Identifier: Apache-2.0
// Kernels/common/functions.cl, the text that OpenCL devices compile, over this level's vectors.
#pragma once
#include "vectors.h"

typedef vec floats;
typedef vec_bits uints;
#define as_floats(x) ((vec)(x)) // a cast between vectors of one size keeps the bits
#define as_uints(x) ((vec_bits)(x))
#define FMA multiply_add
#define FUNCTION_LANES LANES
#define LANE_0(x) ((x)[0]) // the first lane of a vector
#include "../../Kernels/common/functions.cl"

INLINE vec function_of(shard_host_function function, vec x) {
  switch (function) {
  case SHARD_HOST_NONE:
    return activation_NONE(x);
  case SHARD_HOST_RELU:
    return activation_RELU(x);
  case SHARD_HOST_RELU_SQUARED:
    return activation_RELU_SQUARED(x);
  case SHARD_HOST_SILU:
    return activation_SILU(x);
  case SHARD_HOST_GELU:
    return activation_GELU(x);
  case SHARD_HOST_GELU_TANH:
    return activation_GELU_TANH(x);
  case SHARD_HOST_EXP:
    return portable_exp(x);
  case SHARD_HOST_TANH:
    return portable_tanh(x);
  case SHARD_HOST_ERF:
    return portable_erf(x);
  case SHARD_HOST_SIGMOID:
    return portable_sigmoid(x);
  case SHARD_HOST_LOG:
    return portable_log(x);
  case SHARD_HOST_RSQRT:
    return portable_rsqrt(x);
  }
}

// The first `count` of LANES elements, the others 0.
INLINE vec load_some(const float *from, size_t count) {
  if (count >= LANES)
    return load(from);
  vec v = (vec)0;
  memcpy(&v, from, count * sizeof(float));
  return v;
}

INLINE void store_some(float *to, vec v, size_t count) { memcpy(to, &v, (count < LANES ? count : LANES) * sizeof(float)); }

static void apply(shard_host_function function, const float *x, float *out, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    store_some(out + i, function_of(function, load_some(x + i, count - i)), count - i);
}

static void divide(const float *a, const float *b, float *out, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    store_some(out + i, portable_divide(load_some(a + i, count - i), load_some(b + i, count - i)), count - i);
}
