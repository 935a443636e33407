// SPDX-License-Identifier: Apache-2.0
// What a product does with its sums.
#pragma once
#include "functions.h"

INLINE bool has_epilogue(const shard_host_product *product) {
  const shard_host_epilogue *epilogue = &product->epilogue;
  return epilogue->activation != SHARD_HOST_NONE || epilogue->gated || epilogue->bias || epilogue->residual;
}

// Stores `width` sums of row `row` from column `column` on, both of the sums; `sums` is readable up to a whole vector.
static __attribute__((noinline)) void finish_row(const shard_host_product *product, const float *sums, uint32_t node,
                                                 size_t row, size_t column, size_t width) {
  const shard_host_epilogue epilogue = product->epilogue;
  const size_t first = epilogue.gated ? column / 2 : column, step = epilogue.gated ? LANES / 2 : LANES;
  float *c = product->c + node * product->node_stride + row * product->ldc + first;
  const float *residual = epilogue.residual ? epilogue.residual + row * epilogue.ldr + first : NULL;
  for (size_t j = 0; j < width; j += LANES, c += step) {
    size_t count = width - j < LANES ? width - j : LANES;
    vec v = (vec)product->alpha * load(sums + j);
    if (product->beta != 0)
      v = multiply_add((vec)product->beta, load_some(c, count), v);
    if (epilogue.bias)
      v = v + load_some(epilogue.bias + column + j, count);
    const vec activated = function_of(epilogue.activation, v);
    if (epilogue.gated) {
      count /= 2;
      UNROLL for (int pair = 0; pair < LANES / 2; pair++) v[pair] = activated[2 * pair] * v[2 * pair + 1];
    } else
      v = activated;
    if (residual) {
      v = v + load_some(residual, count);
      residual += step;
    }
    store_some(c, v, count);
  }
}
