// SPDX-License-Identifier: Apache-2.0
// gemv: few rows of x against panels, so that each weight is read once. Accumulators of a leaf stay in registers; with
// very few rows several panels are taken together, for enough independent chains.
#pragma once
#include "products.h"

// Panels taken together: what the registers hold beside one x, at most PANELS.
#define PANELS 4
#define PANELS_FIT(rows) ((VECTOR_REGISTERS - 1) / (((rows) + 1) * TILE_VECTORS))
#define PANELS_FOR(rows) (PANELS_FIT(rows) > PANELS ? PANELS : PANELS_FIT(rows) < 1 ? 1 : PANELS_FIT(rows))

typedef struct {
  const shard_host_product *product;
  shard_host_piece leaves[SHARD_HOST_LEAVES];
  uint32_t leaf_count;
  size_t columns; // local columns of the operands
  const float *x;
  size_t ldx;
  const float *group_sums; // of these rows, where B has offsets
  size_t row; // of C, the first of these rows
} gemv_task;

typedef struct {
  vec at[SHARD_HOST_GEMV_ROWS][PANELS * TILE_VECTORS];
} gemv_sums;

#define EACH_SUM UNROLL for (int i = 0; i < rows; i++) UNROLL for (int v = 0; v < vectors; v++)

// Sums come through memory: indexing registers by a variable would keep them there all along.
typedef float gemv_results[SHARD_HOST_GEMV_ROWS][PANELS * TILE_COLUMNS];

// Joins the sum of a leaf with left siblings that are done, and stores it or lets it wait.
INLINE void gemv_finish_leaf(const gemv_task *task, const shard_host_piece *piece, int rows, int vectors, size_t panel,
                             gemv_sums *sum, gemv_sums waiting[SLOTS - 1]) {
  for (uint32_t join = 0; join < piece->joins; join++)
    EACH_SUM sum->at[i][v] = waiting[join].at[i][v] + sum->at[i][v];
  if (piece->stored) {
    gemv_results sums;
    EACH_SUM store(sums[i] + v * LANES, sum->at[i][v]);
    const size_t column = panel * TILE_COLUMNS, left = task->product->n - column;
    for (size_t i = 0; i < (size_t)rows; i++)
      finish_row(task->product, sums[i], piece->node, task->row + i, column, least((size_t)vectors * LANES, left));
  } else
    EACH_SUM waiting[piece->joins].at[i][v] = sum->at[i][v];
}

// `type`, `rows` and `panels` are constants where this is inlined.
INLINE void gemv_panels(shard_host_type type, int rows, int panels, const gemv_task *task, size_t panel) {
  const int vectors = panels * TILE_VECTORS, step = TILE_COLUMNS * (int)type_bytes(type);
  const size_t stride = task->columns * TILE_COLUMNS; // from panel to panel
  gemv_sums waiting[SLOTS - 1];
  for (uint32_t leaf = 0; leaf < task->leaf_count; leaf++) {
    const shard_host_piece *piece = &task->leaves[leaf];
    const float *x = task->x + piece->begin;
    size_t index = (panel * task->columns + piece->begin) * TILE_COLUMNS;
    gemv_sums sum;
    EACH_SUM sum.at[i][v] = (vec)0;
    for (size_t p = 0; p < piece->length; p++, index += TILE_COLUMNS) {
      UNROLL for (int ahead = 0; ahead < panels * step; ahead += 64) __builtin_prefetch(
          (const char *)task->product->b + (index + (size_t)(ahead / step) * stride) * type_bytes(type) + ahead % step +
          PREFETCH_BYTES);
      vec weights[PANELS * TILE_VECTORS];
      UNROLL for (int v = 0; v < vectors; v++) weights[v] =
          load_elements(type, task->product->b, index + (size_t)(v / TILE_VECTORS) * stride + v % TILE_VECTORS * LANES);
      UNROLL for (int i = 0; i < rows; i++) {
        const vec value = (vec)x[(size_t)i * task->ldx + p];
        UNROLL for (int v = 0; v < vectors; v++) sum.at[i][v] = multiply_add(value, weights[v], sum.at[i][v]);
      }
    }
    gemv_finish_leaf(task, piece, rows, vectors, panel, &sum, waiting);
  }
}

#define ROWS_CASE(type, rows)                                                                                          \
  case rows:                                                                                                           \
    for (; end - panel >= PANELS_FOR(rows); panel += PANELS_FOR(rows))                                                 \
      gemv_panels(type, rows, PANELS_FOR(rows), task, panel);                                                          \
    for (; panel < end; panel++)                                                                                       \
      gemv_panels(type, rows, 1, task, panel);                                                                         \
    break;
// A function per element type.
#define GEMV_FUNCTION(name, type)                                                                                      \
  static void name(const gemv_task *task, size_t rows, size_t panel, size_t end) {                                     \
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

// sum += x . panel over the groups of a piece. A group is unpacked once for all rows, into the nearest cache, so that no
// function here depends on the format: nine formats times eight rows in registers took minutes to compile. `rows` is a
// constant where this is inlined.
INLINE void gemv_blocks(int rows, const gemv_task *task, const block_format *blocks, const shard_host_piece *piece,
                        const uint8_t *record, gemv_sums *sum) {
  const int vectors = TILE_VECTORS;
  const float *x = task->x + piece->begin;
  const size_t groups = task->columns / blocks->group;
  size_t group = piece->begin / blocks->group;
  for (size_t p = 0; p < piece->length; p += blocks->length, record += blocks->record_bytes)
    for (size_t column = 0; column < blocks->length; column += blocks->group, group++) {
      float q[GROUP_COLUMNS * TILE_COLUMNS], scales[2 * TILE_COLUMNS];
      blocks->unpack(record, (int)(column / blocks->group), q, scales);
      gemv_sums part;
      EACH_SUM part.at[i][v] = (vec)0;
      for (size_t term = 0; term < blocks->group; term++, x++) {
        vec weights[TILE_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) weights[v] = load(q + term * TILE_COLUMNS + (size_t)v * LANES);
        UNROLL for (int i = 0; i < rows; i++) {
          const vec value = (vec)x[(size_t)i * task->ldx];
          UNROLL for (int v = 0; v < vectors; v++) part.at[i][v] = multiply_add(value, weights[v], part.at[i][v]);
        }
      }
      EACH_SUM sum->at[i][v] = multiply_add(load(scales + v * LANES), part.at[i][v], sum->at[i][v]);
      if (blocks->offsets)
        EACH_SUM sum->at[i][v] = multiply_add(load(scales + TILE_COLUMNS + v * LANES),
                                              (vec)task->group_sums[(size_t)i * groups + group], sum->at[i][v]);
    }
}

INLINE void gemv_block_panel(int rows, const gemv_task *task, size_t panel) {
  const int vectors = TILE_VECTORS;
  const block_format *blocks = block_format_of(task->product->format);
  const uint8_t *records = (const uint8_t *)task->product->b + panel * (task->columns / blocks->length) * blocks->record_bytes;
  gemv_sums waiting[SLOTS - 1];
  for (uint32_t leaf = 0; leaf < task->leaf_count; leaf++) {
    const shard_host_piece *piece = &task->leaves[leaf];
    gemv_sums sum;
    EACH_SUM sum.at[i][v] = (vec)0;
    gemv_blocks(rows, task, blocks, piece, records + piece->begin / blocks->length * blocks->record_bytes, &sum);
    gemv_finish_leaf(task, piece, rows, vectors, panel, &sum, waiting);
  }
}

#define BLOCK_ROWS_CASE(rows)                                                                                          \
  case rows:                                                                                                           \
    for (; panel < end; panel++)                                                                                       \
      gemv_block_panel(rows, task, panel);                                                                             \
    break;
static void gemv_quantised(const gemv_task *task, size_t rows, size_t panel, size_t end) {
  switch (rows) {
    BLOCK_ROWS_CASE(1)
    BLOCK_ROWS_CASE(2)
    BLOCK_ROWS_CASE(3)
    BLOCK_ROWS_CASE(4)
    BLOCK_ROWS_CASE(5)
    BLOCK_ROWS_CASE(6)
    BLOCK_ROWS_CASE(7)
    BLOCK_ROWS_CASE(8)
  }
}

static void gemv(const shard_host_product *product, const float *x, size_t ldx, size_t column_begin,
                 size_t column_end) {
  typedef void function(const gemv_task *, size_t rows, size_t panel, size_t end);
  static function *const functions[] = {gemv_f32, gemv_f16, gemv_bf16};
  const block_format *blocks = block_format_of(product->format);
  function *multiply = blocks != NULL ? gemv_quantised : functions[product->format];
  shard_host_walk walk = shard_host_walk_start(product);
  const size_t columns = shard_host_leaf_border(product->k, product->unit, product->leaf_end) - walk.origin;
  gemv_task task = {.product = product, .columns = columns, .ldx = ldx};
  task.leaf_count = shard_host_walk_next(&walk, SIZE_MAX, task.leaves);
  // Where the registers cannot hold all rows, a panel is read again, from a cache.
  const size_t groups = (product->m + VECTOR_ROWS - 1) / VECTOR_ROWS;
  const size_t rows = groups ? (product->m + groups - 1) / groups : 0,
               panels = groups > 1 ? 1 : column_end - column_begin;
  for (size_t panel = column_begin; panel < column_end; panel += panels)
    for (size_t row = 0; row < product->m; row += rows) {
      task.x = x + row * ldx;
      task.row = row;
      if (blocks != NULL && blocks->offsets)
        task.group_sums = product->group_sums + row * (columns / blocks->group);
      multiply(&task, least(rows, product->m - row), panel, panel + panels);
    }
}
