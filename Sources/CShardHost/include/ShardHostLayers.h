// SPDX-License-Identifier: Apache-2.0
// What lies between the products of a transformer layer, row by row; part of CShardHost.h, which has the enumerations.
// Sums over a row have one order (Kernels/common/rows), the same on every instruction set. Elements are f32, row-major;
// ld... are elements from row to row. A row has less than 2^31.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// RMSNorm, or LayerNorm where it is centred (Kernels/common/norm). Row i is in line i / heads of each matrix, from
// column i % heads * n on. NULL for a delta, weight or bias that is not there; x is written where there is a delta.
typedef struct {
  size_t n, heads;
  bool centred;
  float inverse_n, epsilon, unit;
  float *x;
  const float *delta, *weight, *bias;
  float *y;
  size_t ldx, ldd, ldy;
} shard_host_norm;
void shard_host_norm_rows(const shard_host_norm *norm, size_t begin, size_t end);

// Softmax of rows of n (Kernels/common/softmax). Where queries is not 0, row i sees n - queries + i % queries + 1
// columns; where there are lengths, at most lengths[i]. With a cap the scale has 1 / cap in it.
typedef struct {
  size_t n, queries;
  float scale, cap;
  const float *x;
  float *y;
  size_t ldx, ldy;
  const int32_t *lengths;
} shard_host_softmax;
void shard_host_softmax_rows(const shard_host_softmax *softmax, size_t begin, size_t end);

// Rotary embedding of heads (Kernels/common/rotary), from x to y, which may be x. Row i is at positions[i], or without
// them at first + i. `angles` has those of positions below count: at others what turns becomes NaN, below 0 all stays.
typedef struct {
  size_t heads, head_size;
  int size, interleaved, count, first;
  const float *angles;
  const int32_t *positions;
  const float *x;
  float *y;
  size_t ldx, ldy;
} shard_host_rotation;
void shard_host_rotate_rows(const shard_host_rotation *rotation, size_t begin, size_t end);

// y[i, j] = function(x[i * ldx + j * step]) * up[i * ldu + j * step] * scale; without `up` there is no such factor.
typedef struct {
  shard_host_function function;
  size_t step;
  float scale;
  const float *x, *up;
  float *y;
  size_t ldx, ldu, ldy;
} shard_host_activation;
void shard_host_activate(const shard_host_activation *call, size_t row_begin, size_t row_end, size_t column_begin,
                         size_t column_end);

// Rows of a weight in panels of shard_host_panel_columns() that ids name, times the scale; row r is that of id
// first_id + r. Ids outside [0, vocabulary) become NaN, others that are not here -0; both are left out where it keeps.
typedef struct {
  const int32_t *ids;
  const void *panels;
  shard_host_format format;
  size_t columns;
  int64_t rows, first_id, vocabulary;
  bool keeps;
  float scale;
  float *y;
  size_t ldy;
} shard_host_look_up;
void shard_host_look_up_rows(const shard_host_look_up *call, size_t begin, size_t end);

// The nodes (m, s) of leaves of SHARD_HOST_LEAF_COLUMNS columns (Kernels/common/log_sums), of rows of n: leaf `at` is
// number at % leaves of row at / leaves, and its node is nodes[2 * at].
#define SHARD_HOST_LEAF_COLUMNS 1024
typedef struct {
  size_t n, leaves;
  float scale, cap;
  const float *x;
  size_t ldx;
  float *nodes;
} shard_host_leaves;
void shard_host_leaf_nodes(const shard_host_leaves *call, size_t begin, size_t end);
// The log of the sum of exponentials that the nodes of a row stand for.
float shard_host_log_of_nodes(const float *nodes, size_t leaves);

// The k largest of parts of rows of n (Kernels/common/top_k): part `at` has `run` columns of row at / parts, and its
// candidates are best[at * k]. From x, whose column 0 is `column` of the whole, or from candidates where there are some.
typedef struct {
  size_t n, k, run, parts;
  int64_t column;
  float scale, cap;
  const float *x;
  size_t ldx;
  const uint64_t *candidates;
  uint64_t *best;
  int32_t *ids; // NULL for none
} shard_host_top_k_part;
void shard_host_top_k(const shard_host_top_k_part *call, size_t begin, size_t end);
