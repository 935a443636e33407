// SPDX-License-Identifier: Apache-2.0
// pack: strided matrices to panels, and their sums over groups of columns.
#pragma once
#include "vectors.h"

// Columns that are packed before the next row is read: a source row then fills whole cache lines.
#define PACK_COLUMNS 16

// Up to PACK_COLUMNS columns of a panel. Types are constants where this is inlined.
INLINE void pack_columns(shard_host_type from, shard_host_type to, const void *source, ptrdiff_t row_stride,
                         ptrdiff_t column_stride, ptrdiff_t start, size_t rows, size_t columns, size_t width,
                         void *target, size_t index) {
  for (size_t r = 0; r < rows; r++)
    for (size_t p = 0; p < columns; p++) {
      const ptrdiff_t at = start + (ptrdiff_t)r * row_stride + (ptrdiff_t)p * column_stride;
      const size_t out = index + p * width + r;
      if (type_bytes(from) == type_bytes(to) && to != SHARD_HOST_F32)
        ((uint16_t *)target)[out] = ((const uint16_t *)source)[at];
      else
        ((float *)target)[out] = element(from, source, at);
    }
}

INLINE void pack_panel(shard_host_type from, shard_host_type to, const shard_host_matrix *source, size_t width,
                       void *target, size_t panel) {
  const size_t row = panel * width, rows = source->rows - row < width ? source->rows - row : width;
  if (rows < width)
    memset((char *)target + panel * width * source->columns * type_bytes(to), 0,
           width * source->columns * type_bytes(to));
  for (size_t p = 0; p < source->columns; p += PACK_COLUMNS) {
    const size_t left = source->columns - p, index = (panel * source->columns + p) * width;
    const ptrdiff_t start = (ptrdiff_t)row * source->row_stride + (ptrdiff_t)p * source->column_stride;
    if (left >= PACK_COLUMNS && rows == width && source->column_stride == 1)
      pack_columns(from, to, source->data, source->row_stride, 1, start, width, PACK_COLUMNS, width, target, index);
    else
      pack_columns(from, to, source->data, source->row_stride, source->column_stride, start, rows,
                   left < PACK_COLUMNS ? left : PACK_COLUMNS, width, target, index);
  }
}

#define PACK_FUNCTION(name, from, to)                                                                                  \
  static void name(const shard_host_matrix *source, size_t width, void *target, size_t begin, size_t end) {            \
    for (size_t panel = begin; panel < end; panel++)                                                                   \
      pack_panel(from, to, source, width, target, panel);                                                              \
  }
PACK_FUNCTION(pack_f32, SHARD_HOST_F32, SHARD_HOST_F32)
PACK_FUNCTION(pack_f16, SHARD_HOST_F16, SHARD_HOST_F16)
PACK_FUNCTION(pack_f16_as_f32, SHARD_HOST_F16, SHARD_HOST_F32)
PACK_FUNCTION(pack_bf16_as_f32, SHARD_HOST_BF16, SHARD_HOST_F32)

static void pack(const shard_host_matrix *source, size_t width, shard_host_type target_type, void *target,
                 size_t panel_begin, size_t panel_end) {
  if (source->type == SHARD_HOST_F32)
    pack_f32(source, width, target, panel_begin, panel_end);
  else if (target_type != SHARD_HOST_F32) // f16 and bf16 alike: 16 bits are moved
    pack_f16(source, width, target, panel_begin, panel_end);
  else if (source->type == SHARD_HOST_F16)
    pack_f16_as_f32(source, width, target, panel_begin, panel_end);
  else
    pack_bf16_as_f32(source, width, target, panel_begin, panel_end);
}

static void group_sums(const shard_host_matrix *source, size_t group, size_t width, float *sums, size_t panel_begin,
                       size_t panel_end) {
  const size_t groups = source->columns / group;
  for (size_t panel = panel_begin; panel < panel_end; panel++)
    for (size_t r = 0; r < width; r++) {
      const size_t row = panel * width + r;
      const float *x = (const float *)source->data + (ptrdiff_t)row * source->row_stride;
      for (size_t g = 0; g < groups; g++) {
        float sum = 0;
        for (size_t p = 0; row < source->rows && p < group; p++, x += source->column_stride)
          sum += *x;
        sums[(panel * groups + g) * width + r] = sum;
      }
    }
}
