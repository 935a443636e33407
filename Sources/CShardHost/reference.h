// SPDX-License-Identifier: Apache-2.0
// The judge of products: sums in f64, where a product of two f32 is exact, and how far a result is from them.
#pragma once
#include "vectors.h"
#include <math.h>

#define JUDGE_CHUNK 256 // columns of the operands at a time
#define JUDGE_BLOCK 192  // rows of A whose slice is kept packed, whole tiles
#define JUDGE_LANES (LANES / 2)
#define JUDGE_COLUMNS (2 * JUDGE_LANES)

typedef double judge_vec __attribute__((ext_vector_type(JUDGE_LANES)));
typedef int64_t judge_bits __attribute__((ext_vector_type(JUDGE_LANES)));

INLINE judge_vec judge_load(const double *from) {
  judge_vec v;
  memcpy(&v, from, sizeof v);
  return v;
}

INLINE judge_vec judge_magnitude(judge_vec value) {
  judge_bits bits;
  memcpy(&bits, &value, sizeof bits);
  bits &= INT64_MAX;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

INLINE judge_vec judge_add_product(judge_vec a, judge_vec b, judge_vec sum) {
#if HAS_FMA
  return __builtin_elementwise_fma(a, b, sum);
#else
  return sum + a * b; // the same, since the product is exact
#endif
}

// slice[p * width + r] = source(row + r, column + p), zero where there is no such row.
INLINE void judge_pack_as(shard_host_type type, const shard_host_matrix *source, size_t row, size_t rows, size_t width,
                          size_t column, size_t columns, double *slice) {
  for (size_t r = 0; r < width; r++)
    for (size_t p = 0; p < columns; p++)
      slice[p * width + r] = r >= rows ? 0
                                       : (double)element(type, source->data,
                                                         (ptrdiff_t)(row + r) * source->row_stride +
                                                             (ptrdiff_t)(column + p) * source->column_stride);
}

static void judge_pack(const shard_host_matrix *source, size_t row, size_t rows, size_t width, size_t column,
                       size_t columns, double *slice) {
  switch (source->type) {
  case SHARD_HOST_F32:
    judge_pack_as(SHARD_HOST_F32, source, row, rows, width, column, columns, slice);
    break;
  case SHARD_HOST_F16:
    judge_pack_as(SHARD_HOST_F16, source, row, rows, width, column, columns, slice);
    break;
  case SHARD_HOST_BF16:
    judge_pack_as(SHARD_HOST_BF16, source, row, rows, width, column, columns, slice);
    break;
  }
}

// Adds a chunk to JUDGE_ROWS x JUDGE_COLUMNS sums, of which rows x columns exist in memory.
static __attribute__((noinline)) void judge_tile(size_t length, const double *restrict a, const double *restrict b,
                                                 double *product, double *magnitude, size_t n, size_t rows,
                                                 size_t columns) {
  judge_vec sum[JUDGE_ROWS][2], absolute[JUDGE_ROWS][2];
  UNROLL for (int i = 0; i < JUDGE_ROWS; i++) UNROLL for (int v = 0; v < 2; v++) sum[i][v] = absolute[i][v] = 0;
  for (size_t p = 0; p < length; p++, a += JUDGE_ROWS, b += JUDGE_COLUMNS) {
    const judge_vec weights[2] = {judge_load(b), judge_load(b + JUDGE_LANES)};
    const judge_vec magnitudes[2] = {judge_magnitude(weights[0]), judge_magnitude(weights[1])};
    UNROLL for (int i = 0; i < JUDGE_ROWS; i++) {
      const judge_vec x = (judge_vec)a[i], x_magnitude = (judge_vec)__builtin_fabs(a[i]);
      UNROLL for (int v = 0; v < 2; v++) {
        sum[i][v] = judge_add_product(x, weights[v], sum[i][v]);
        absolute[i][v] = judge_add_product(x_magnitude, magnitudes[v], absolute[i][v]);
      }
    }
  }
  double sums[JUDGE_ROWS][JUDGE_COLUMNS], absolutes[JUDGE_ROWS][JUDGE_COLUMNS];
  memcpy(sums, sum, sizeof sums);
  memcpy(absolutes, absolute, sizeof absolutes);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) {
      product[i * n + j] += sums[i][j];
      magnitude[i * n + j] += absolutes[i][j];
    }
}

static size_t reference_scratch_bytes(void) { return JUDGE_CHUNK * (JUDGE_BLOCK + JUDGE_COLUMNS) * sizeof(double); }

static void reference(const shard_host_matrix *a, const shard_host_matrix *b, size_t row_begin, size_t row_end,
                      double *product, double *magnitude, void *scratch) {
  double *a_slices = scratch, *b_slice = a_slices + JUDGE_CHUNK * JUDGE_BLOCK;
  const size_t n = b->rows, k = a->columns;
  memset(product + row_begin * n, 0, (row_end - row_begin) * n * sizeof(double));
  memset(magnitude + row_begin * n, 0, (row_end - row_begin) * n * sizeof(double));
  for (size_t block = row_begin; block < row_end; block += JUDGE_BLOCK)
    for (size_t p = 0; p < k; p += JUDGE_CHUNK) {
      const size_t stop = row_end - block < JUDGE_BLOCK ? row_end : block + JUDGE_BLOCK;
      const size_t length = k - p < JUDGE_CHUNK ? k - p : JUDGE_CHUNK;
      for (size_t i = block; i < stop; i += JUDGE_ROWS)
        judge_pack(a, i, stop - i, JUDGE_ROWS, p, length, a_slices + (i - block) * length);
      for (size_t j = 0; j < n; j += JUDGE_COLUMNS) {
        judge_pack(b, j, n - j, JUDGE_COLUMNS, p, length, b_slice);
        for (size_t i = block; i < stop; i += JUDGE_ROWS)
          judge_tile(length, a_slices + (i - block) * length, b_slice, product + i * n + j, magnitude + i * n + j, n,
                     stop - i < JUDGE_ROWS ? stop - i : JUDGE_ROWS, n - j < JUDGE_COLUMNS ? n - j : JUDGE_COLUMNS);
      }
    }
}

INLINE double error_of_element(float c, double reference, double magnitude, double unit, double floor) {
  const double bound = unit * magnitude + (magnitude > 0 ? floor : 0), difference = fabs((double)c - reference);
  if (difference <= 1.7976931348623157e308) // both finite
    return difference == 0 ? 0 : difference / bound;
  if (isnan(c) || isnan(reference))
    return isnan(c) && isnan(reference) ? 0 : INFINITY;
  if (isinf(reference))
    return c == reference ? 0 : INFINITY;
  // c overflowed: right if a value within the bound rounds to infinity.
  return (c > 0 ? reference : -reference) + bound >= 0x1.ffffffp127 ? 0 : INFINITY;
}

static double error_over_bound(const float *c, size_t ldc, const double *reference, const double *magnitude,
                               size_t rows, size_t columns, size_t k) {
  const double unit = ((double)k + 8) * 0x1p-24, floor = ((double)k + 8) * 0x1p-150;
  double largest = 0;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) {
      const double error =
          error_of_element(c[i * ldc + j], reference[i * columns + j], magnitude[i * columns + j], unit, floor);
      largest = error > largest ? error : largest;
    }
  return largest;
}
