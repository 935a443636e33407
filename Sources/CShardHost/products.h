// SPDX-License-Identifier: Apache-2.0
// gemm: a block of C, tile by tile, each TILE_ROWS x TILE_COLUMNS in registers.
#pragma once
#include "leaves.h"
#include "vectors.h"

#define TILE_COLUMNS (TILE_VECTORS * LANES)
#define TILE (TILE_ROWS * TILE_COLUMNS)
// Columns of the operands that all tiles of a block pass over before the next ones are touched.
#define CHUNK 1024

typedef struct {
  vec at[TILE_ROWS][TILE_VECTORS];
} tile;

#define EACH_VECTOR UNROLL for (int i = 0; i < TILE_ROWS; i++) UNROLL for (int v = 0; v < TILE_VECTORS; v++)

INLINE size_t least(size_t x, size_t y) { return x < y ? x : y; }

// out = alpha * sum + beta * out; `edge` tiles pass through a whole tile of memory.
INLINE void store_tile(const shard_host_product *product, const tile *sum, float *c, size_t rows, size_t columns) {
  float whole[TILE_ROWS][TILE_COLUMNS];
  const bool edge = rows < TILE_ROWS || columns < TILE_COLUMNS, reads = product->beta != 0;
  const size_t stride = edge ? TILE_COLUMNS : product->ldc;
  float *out = edge ? whole[0] : c;
  if (edge)
    memset(whole, 0, sizeof whole);
  if (edge && reads)
    for (size_t i = 0; i < rows; i++)
      memcpy(whole[i], c + i * product->ldc, columns * sizeof(float));
  EACH_VECTOR {
    float *to = out + (size_t)i * stride + (size_t)v * LANES;
    const vec value = (vec)product->alpha * sum->at[i][v];
    store(to, reads ? multiply_add((vec)product->beta, load(to), value) : value);
  }
  if (edge)
    for (size_t i = 0; i < rows; i++)
      memcpy(c + i * product->ldc, whole[i], columns * sizeof(float));
}

// One piece of the sum of one tile. a and b point at the piece's first column.
static __attribute__((noinline)) void tile_piece(const shard_host_product *product, const shard_host_piece *piece,
                                                 const float *restrict a, const float *restrict b, float *slots,
                                                 size_t slot_stride, float *c, size_t rows, size_t columns) {
  float *own = slots + piece->joins * slot_stride;
  tile sum;
  EACH_VECTOR sum.at[i][v] = (vec)0;
  if (!piece->first)
    EACH_VECTOR sum.at[i][v] = load(own + i * TILE_COLUMNS + v * LANES);
  for (size_t p = 0; p < piece->length; p++, a += TILE_ROWS, b += TILE_COLUMNS) {
    vec weights[TILE_VECTORS];
    __builtin_prefetch((const char *)a + PREFETCH_BYTES / 2);
    UNROLL for (int ahead = 0; ahead < TILE_COLUMNS; ahead += 16)
        __builtin_prefetch((const char *)(b + ahead) + PREFETCH_BYTES);
    UNROLL for (int v = 0; v < TILE_VECTORS; v++) weights[v] = load(b + v * LANES);
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      const vec x = (vec)a[i];
      UNROLL for (int v = 0; v < TILE_VECTORS; v++) sum.at[i][v] = multiply_add(x, weights[v], sum.at[i][v]);
    }
  }
  if (piece->last) {
    const float *left = slots;
    for (uint32_t join = 0; join < piece->joins; join++, left += slot_stride)
      EACH_VECTOR sum.at[i][v] = load(left + i * TILE_COLUMNS + v * LANES) + sum.at[i][v];
  }
  if (piece->last && piece->stored)
    store_tile(product, &sum, c + piece->node * product->node_stride, rows, columns);
  else
    EACH_VECTOR store(own + i * TILE_COLUMNS + v * LANES, sum.at[i][v]);
}

static size_t gemm_scratch_bytes(shard_host_block block) {
  return (block.rows * block.columns * TILE * SLOTS + CHUNK * TILE_COLUMNS) * sizeof(float);
}

INLINE void widen(shard_host_type type, const void *from, size_t index, size_t count, float *to) {
  for (size_t i = 0; i < count; i += LANES)
    store(to + i, load_elements(type, from, index + i));
}

// `count` columns of a panel of B from `index` on, as f32.
static const float *weights_as_f32(const shard_host_product *product, size_t index, size_t count, float *buffer) {
  switch (product->b_type) {
  case SHARD_HOST_F32:
    return (const float *)product->b + index;
  case SHARD_HOST_F16:
    widen(SHARD_HOST_F16, product->b, index, count, buffer);
    break;
  case SHARD_HOST_BF16:
    widen(SHARD_HOST_BF16, product->b, index, count, buffer);
    break;
  }
  return buffer;
}

static void gemm(const shard_host_product *product, const float *a_panels, size_t row_begin, size_t row_end,
                 size_t column_begin, size_t column_end, void *scratch) {
  float *buffer = scratch, *slots = buffer + CHUNK * TILE_COLUMNS;
  const size_t tiles = (row_end - row_begin) * (column_end - column_begin);
  shard_host_walk walk = shard_host_walk_start(product);
  const size_t columns = shard_host_leaf_border(product->k, product->unit, product->leaf_end) - walk.origin;
  // Tiles that finish within one chunk share their slots, which then stay in the nearest cache.
  const bool shared = columns <= CHUNK;
  shard_host_piece pieces[SHARD_HOST_LEAVES];
  for (uint32_t count; (count = shard_host_walk_next(&walk, CHUNK, pieces)) > 0;) {
    const size_t begin = pieces[0].begin, length = pieces[count - 1].begin + pieces[count - 1].length - begin;
    size_t index = 0;
    for (size_t q = column_begin; q < column_end; q++) {
      const float *b = weights_as_f32(product, (q * columns + begin) * TILE_COLUMNS, length * TILE_COLUMNS, buffer);
      for (size_t r = row_begin; r < row_end; r++, index++) {
        const float *a = a_panels + (r * columns + begin) * TILE_ROWS;
        float *tile_slots = shared ? slots : slots + index * TILE;
        float *c = product->c + r * TILE_ROWS * product->ldc + q * TILE_COLUMNS;
        const size_t rows = least(TILE_ROWS, product->m - r * TILE_ROWS);
        const size_t width = least(TILE_COLUMNS, product->n - q * TILE_COLUMNS);
        for (uint32_t i = 0; i < count; i++) {
          const size_t offset = pieces[i].begin - begin;
          tile_piece(product, &pieces[i], a + offset * TILE_ROWS, b + offset * TILE_COLUMNS, tile_slots,
                     shared ? TILE : tiles * TILE, c, rows, width);
        }
      }
    }
  }
}
