// SPDX-License-Identifier: Apache-2.0
// gemm: a block of C, tile by tile, each TILE_ROWS x TILE_COLUMNS in registers.
#pragma once
#include "blocks.h"
#include "epilogue.h"
#include "leaves.h"

#define TILE (TILE_ROWS * TILE_COLUMNS)
// Columns of the operands that all tiles of a block pass over before the next ones are touched.
#define CHUNK 1024
#define CHUNK_SCALES (CHUNK / 16 * TILE_COLUMNS) // of groups of 16, or scales and offsets of groups of 32

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

static __attribute__((noinline)) void finish_tile(const shard_host_product *product, const tile *sum, uint32_t node,
                                                  size_t row, size_t column, size_t rows, size_t columns) {
  float sums[TILE_ROWS][TILE_COLUMNS];
  EACH_VECTOR store(sums[i] + v * LANES, sum->at[i][v]);
  for (size_t i = 0; i < rows; i++)
    finish_row(product, sums[i], node, row + i, column, columns);
}

// sum += a . b over `length` columns.
INLINE void multiply_columns(const float *restrict a, const float *restrict b, size_t length, tile *sum) {
  for (size_t p = 0; p < length; p++, a += TILE_ROWS, b += TILE_COLUMNS) {
    vec weights[TILE_VECTORS];
    __builtin_prefetch((const char *)a + PREFETCH_BYTES / 2);
    UNROLL for (int ahead = 0; ahead < TILE_COLUMNS; ahead += 16)
        __builtin_prefetch((const char *)(b + ahead) + PREFETCH_BYTES);
    UNROLL for (int v = 0; v < TILE_VECTORS; v++) weights[v] = load(b + v * LANES);
    UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      const vec x = (vec)a[i];
      UNROLL for (int v = 0; v < TILE_VECTORS; v++) sum->at[i][v] = multiply_add(x, weights[v], sum->at[i][v]);
    }
  }
}

// What a tile's sum after a piece is for: another piece, a join with left siblings, C.
INLINE void finish_piece(const shard_host_product *product, const shard_host_piece *piece, tile *sum, float *slots,
                         size_t slot_stride, size_t row, size_t column) {
  if (piece->last) {
    const float *left = slots;
    for (uint32_t join = 0; join < piece->joins; join++, left += slot_stride)
      EACH_VECTOR sum->at[i][v] = load(left + i * TILE_COLUMNS + v * LANES) + sum->at[i][v];
  }
  if (!piece->last || !piece->stored) {
    EACH_VECTOR store(slots + piece->joins * slot_stride + i * TILE_COLUMNS + v * LANES, sum->at[i][v]);
    return;
  }
  const size_t rows = least(TILE_ROWS, product->m - row), columns = least(TILE_COLUMNS, product->n - column);
  if (has_epilogue(product))
    finish_tile(product, sum, piece->node, row, column, rows, columns);
  else
    store_tile(product, sum, product->c + piece->node * product->node_stride + row * product->ldc + column, rows,
               columns);
}

// One piece of the sum of one tile. a and b point at the piece's first column.
static __attribute__((noinline)) void tile_piece(const shard_host_product *product, const shard_host_piece *piece,
                                                 const float *restrict a, const float *restrict b, float *slots,
                                                 size_t slot_stride, size_t row, size_t column) {
  const float *own = slots + piece->joins * slot_stride;
  tile sum;
  EACH_VECTOR sum.at[i][v] = (vec)0;
  if (!piece->first)
    EACH_VECTOR sum.at[i][v] = load(own + i * TILE_COLUMNS + v * LANES);
  multiply_columns(a, b, piece->length, &sum);
  finish_piece(product, piece, &sum, slots, slot_stride, row, column);
}

// sum += a . b over the groups of a piece, whose sums are in memory.
INLINE void multiply_groups(size_t group, bool offsets, size_t length, const float *restrict a, const float *restrict b,
                            const float *restrict scales, const float *restrict sums, float *restrict sum) {
  for (size_t p = 0; p < length; p += group, a += group * TILE_ROWS, b += group * TILE_COLUMNS) {
    tile part;
    EACH_VECTOR part.at[i][v] = (vec)0;
    multiply_columns(a, b, group, &part);
    EACH_VECTOR {
      float *at = sum + i * TILE_COLUMNS + v * LANES;
      vec value = multiply_add(load(scales + v * LANES), part.at[i][v], load(at));
      if (offsets)
        value = multiply_add(load(scales + TILE_COLUMNS + v * LANES), (vec)sums[i], value);
      store(at, value);
    }
    scales += (1 + offsets) * TILE_COLUMNS;
    sums += offsets ? TILE_ROWS : 0;
  }
}

// The same as tile_piece for quantised weights; scales and sums point at the piece's first group.
static __attribute__((noinline)) void tile_groups(const shard_host_product *product, const shard_host_piece *piece,
                                                  const float *restrict a, const float *restrict b,
                                                  const float *restrict scales, const float *restrict sums,
                                                  float *slots, size_t slot_stride, size_t row, size_t column) {
  float *own = slots + piece->joins * slot_stride;
  const block_format *blocks = block_format_of(product->format);
  if (piece->first)
    memset(own, 0, TILE * sizeof(float));
  if (blocks->offsets)
    multiply_groups(32, true, piece->length, a, b, scales, sums, own);
  else if (blocks->group == 32)
    multiply_groups(32, false, piece->length, a, b, scales, sums, own);
  else
    multiply_groups(16, false, piece->length, a, b, scales, sums, own);
  tile sum;
  EACH_VECTOR sum.at[i][v] = load(own + i * TILE_COLUMNS + v * LANES);
  finish_piece(product, piece, &sum, slots, slot_stride, row, column);
}

static size_t gemm_scratch_bytes(shard_host_block block) {
  return (block.rows * block.columns * TILE * SLOTS + CHUNK * TILE_COLUMNS + CHUNK_SCALES) * sizeof(float);
}

INLINE void widen(shard_host_type type, const void *from, size_t index, size_t count, float *to) {
  for (size_t i = 0; i < count; i += LANES)
    store(to + i, load_elements(type, from, index + i));
}

static void unpack_blocks(const block_format *blocks, const uint8_t *record, size_t length, float *q, float *scales) {
  for (size_t p = 0; p < length; p += blocks->length, record += blocks->record_bytes)
    for (size_t column = 0; column < blocks->length; column += blocks->group) {
      blocks->unpack(record, (int)(column / blocks->group), q + (p + column) * TILE_COLUMNS, scales);
      scales += (1 + blocks->offsets) * TILE_COLUMNS;
    }
}

// `length` of a panel's `columns` columns, from `begin` on, as f32: values, or q of blocks with their scales.
static const float *unpack_columns(const shard_host_product *product, size_t panel, size_t columns, size_t begin,
                                   size_t length, float *buffer, float *scales) {
  const size_t index = (panel * columns + begin) * TILE_COLUMNS, count = length * TILE_COLUMNS;
  const block_format *blocks = block_format_of(product->format);
  if (blocks != NULL)
    unpack_blocks(blocks, (const uint8_t *)product->b + (panel * columns + begin) / blocks->length * blocks->record_bytes,
                  length, buffer, scales);
  else if (product->format == SHARD_HOST_FORMAT_F16)
    widen(SHARD_HOST_F16, product->b, index, count, buffer);
  else if (product->format == SHARD_HOST_FORMAT_BF16)
    widen(SHARD_HOST_BF16, product->b, index, count, buffer);
  else
    return (const float *)product->b + index;
  return buffer;
}

static void gemm(const shard_host_product *product, const float *a_panels, size_t row_begin, size_t row_end,
                 size_t column_begin, size_t column_end, void *scratch) {
  float *buffer = scratch, *scales = buffer + CHUNK * TILE_COLUMNS, *slots = scales + CHUNK_SCALES;
  const block_format *blocks = block_format_of(product->format);
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
      const float *b = unpack_columns(product, q, columns, begin, length, buffer, scales);
      for (size_t r = row_begin; r < row_end; r++, index++) {
        const float *a = a_panels + (r * columns + begin) * TILE_ROWS;
        float *tile_slots = shared ? slots : slots + index * TILE;
        for (uint32_t i = 0; i < count; i++) {
          const size_t offset = pieces[i].begin - begin;
          const size_t slot_stride = shared ? TILE : tiles * TILE;
          if (blocks == NULL)
            tile_piece(product, &pieces[i], a + offset * TILE_ROWS, b + offset * TILE_COLUMNS, tile_slots, slot_stride,
                       r * TILE_ROWS, q * TILE_COLUMNS);
          else
            tile_groups(product, &pieces[i], a + offset * TILE_ROWS, b + offset * TILE_COLUMNS,
                        scales + offset / blocks->group * (1 + blocks->offsets) * TILE_COLUMNS,
                        blocks->offsets ? product->group_sums + (r * columns + pieces[i].begin) / blocks->group * TILE_ROWS
                                        : NULL,
                        tile_slots, slot_stride, r * TILE_ROWS, q * TILE_COLUMNS);
        }
      }
    }
  }
}
