// SPDX-License-Identifier: Apache-2.0
// What the machine can do at most: arithmetic without memory, and memory without arithmetic.
#pragma once
#include "vectors.h"

// Enough independent chains to hide the latency of an fma on every core.
#define CHAINS (LANES == 8 ? 12 : 16)

static double fma_peak(size_t iterations, float *value) {
  vec chain[CHAINS];
  UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = (vec)(float)i;
  const vec factor = (vec)(0.5f + *value * 0), addend = (vec)(1 + *value * 0);
  for (size_t n = 0; n < iterations; n++)
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = multiply_add(chain[i], factor, addend);
  vec sum = (vec)0;
  UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i];
  *value = sum[0] + sum[LANES - 1];
  return 2.0 * (double)iterations * CHAINS * LANES;
}

static uint64_t read_all(const void *data, size_t byte_count) {
  enum { STREAMS = 8 };
  const char *from = data;
  vec_bits sum[STREAMS];
  UNROLL for (int i = 0; i < STREAMS; i++) sum[i] = (vec_bits)0;
  size_t at = 0;
  for (; byte_count - at >= sizeof sum; at += sizeof sum) {
    UNROLL for (size_t ahead = 0; ahead < sizeof sum; ahead += 64)
        __builtin_prefetch(from + at + ahead + PREFETCH_BYTES);
    UNROLL for (int i = 0; i < STREAMS; i++) {
      vec_bits bits;
      memcpy(&bits, from + at + (size_t)i * sizeof bits, sizeof bits);
      sum[i] += bits;
    }
  }
  UNROLL for (int i = 1; i < STREAMS; i++) sum[0] += sum[i];
  uint64_t checksum = 0;
  UNROLL for (int lane = 0; lane < LANES; lane++) checksum += sum[0][lane];
  for (; at < byte_count; at++)
    checksum += (unsigned char)from[at];
  return checksum;
}
