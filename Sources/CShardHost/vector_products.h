// SPDX-License-Identifier: Apache-2.0
// gemv: few rows of x against panels, so that each weight is read once. Accumulators of a leaf stay in registers.
#pragma once
#include "products.h"

// The pieces are whole leaves. `type` and `rows` are constants where this is inlined.
INLINE void gemv_panel(shard_host_type type, int rows, const shard_host_product *product,
                       const shard_host_piece *pieces, uint32_t count, const float *restrict x, size_t ldx,
                       size_t base, float *c, size_t width) {
  vec waiting[SLOTS - 1][SHARD_HOST_GEMV_ROWS][TILE_VECTORS];
  for (uint32_t leaf = 0; leaf < count; leaf++) {
    const shard_host_piece *piece = &pieces[leaf];
    vec sum[SHARD_HOST_GEMV_ROWS][TILE_VECTORS];
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < TILE_VECTORS; v++) sum[i][v] = (vec)0;
    size_t index = base + piece->begin * TILE_COLUMNS;
    const float *at = x + piece->begin;
    for (size_t p = 0; p < piece->length; p++, index += TILE_COLUMNS) {
      UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const vec weights = load_elements(type, product->b, index + v * LANES);
        UNROLL for (int i = 0; i < rows; i++) sum[i][v] = multiply_add((vec)at[i * ldx + p], weights, sum[i][v]);
      }
    }
    for (uint32_t join = 0; join < piece->joins; join++)
      UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        sum[i][v] = waiting[join][i][v] + sum[i][v];
    if (!piece->stored) {
      UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        waiting[piece->joins][i][v] = sum[i][v];
      continue;
    }
    UNROLL for (int i = 0; i < rows; i++) {
      float whole[TILE_COLUMNS] = {0};
      float *out = c + piece->node * product->node_stride + i * product->ldc;
      if (product->beta != 0)
        memcpy(whole, out, width * sizeof(float));
      UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const vec value = (vec)product->alpha * sum[i][v];
        store(whole + v * LANES,
              product->beta != 0 ? multiply_add((vec)product->beta, load(whole + v * LANES), value) : value);
      }
      memcpy(out, whole, width * sizeof(float));
    }
  }
}

#define ROWS_CASE(type, rows)                                                                                          \
  case rows:                                                                                                           \
    gemv_panel(type, rows, product, pieces, count, x, ldx, base, c, width);                                            \
    break;
// A function per element type: panel `base` against 1 to 8 rows.
#define GEMV_FUNCTION(name, type)                                                                                      \
  static __attribute__((noinline)) void name(                                                                          \
      const shard_host_product *product, const shard_host_piece *pieces, uint32_t count, size_t rows, const float *x,  \
      size_t ldx, size_t base, float *c, size_t width) {                                                               \
    switch (rows) {                                                                                                    \
      ROWS_CASE(type, 1)                                                                                               \
      ROWS_CASE(type, 2)                                                                                               \
      ROWS_CASE(type, 3)                                                                                               \
      ROWS_CASE(type, 4)                                                                                               \
      ROWS_CASE(type, 5)                                                                                               \
      ROWS_CASE(type, 6)                                                                                               \
      ROWS_CASE(type, 7)                                                                                               \
      ROWS_CASE(type, 8)                                                                                               \
    }                                                                                                                  \
  }
GEMV_FUNCTION(gemv_f32, SHARD_HOST_F32)
GEMV_FUNCTION(gemv_f16, SHARD_HOST_F16)
GEMV_FUNCTION(gemv_bf16, SHARD_HOST_BF16)

static void gemv(const shard_host_product *product, const float *x, size_t ldx, size_t column_begin,
                 size_t column_end) {
  shard_host_piece pieces[SHARD_HOST_LEAVES];
  shard_host_walk walk = shard_host_walk_start(product);
  const size_t columns = shard_host_leaf_border(product->k, product->unit, product->leaf_end) - walk.origin;
  const uint32_t count = shard_host_walk_next(&walk, SIZE_MAX, pieces);
  const shard_host_type type = product->b_type;
  for (size_t row = 0; row < product->m; row += SHARD_HOST_GEMV_ROWS)
    for (size_t q = column_begin; q < column_end; q++)
      (type == SHARD_HOST_F32   ? gemv_f32
       : type == SHARD_HOST_F16 ? gemv_f16
                                : gemv_bf16)(
          product, pieces, count, least(SHARD_HOST_GEMV_ROWS, product->m - row), x + row * ldx, ldx,
          q * columns * TILE_COLUMNS, product->c + row * product->ldc + q * TILE_COLUMNS,
          least(TILE_COLUMNS, product->n - q * TILE_COLUMNS));
}
