// SPDX-License-Identifier: Apache-2.0
// Look-ups in weights, and what is asked of logits: Kernels/common over this level's vectors.
#pragma once
#include "blocks.h"
#include "rows.h"

typedef uint16_t ushort;
typedef uint64_t ulong;
#define CONSTANT static const
#define BITS_AS_FLOAT(bits) from_bits(bits)
#define FMA_ONE(a, b, c) (multiply_add((vec)(a), (vec)(b), (vec)(c))[0])
#define ANY(mask) __builtin_reduce_or(mask)

INLINE float half_at(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof bits);
  return from_f16(bits);
}
#define HALF(p) half_at(p)
#include "../../Kernels/common/log_sums.cl"
#include "../../Kernels/common/look_up.cl"
#include "../../Kernels/common/top_k.cl"

static void look_up_rows(const shard_host_look_up *call, size_t begin, size_t end) {
  const int format = (int)call->format, group = group_columns(format);
  for (size_t token = begin; token < end; token++) {
    const int64_t id = call->ids[token], row = id - call->first_id;
    const bool known = id >= 0 && id < call->vocabulary, here = known && row >= 0 && row < call->rows;
    float *y = call->y + token * call->ldy;
    if (!here && call->keeps)
      continue;
    for (size_t c = 0; c < call->columns; c += (size_t)group) {
      const size_t count = call->columns - c < (size_t)group ? call->columns - c : (size_t)group;
      if (here)
        look_up_columns(format, call->panels, (int)call->columns, TILE_COLUMNS, 1, row, (long)c, (int)count, call->scale,
                y + c);
      else
        for (size_t i = 0; i < count; i++)
          y[c + i] = known ? -0.0f : from_bits(0x7fc00000);
    }
  }
}

static void leaf_nodes(const shard_host_leaves *call, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at++) {
    const size_t row = at / call->leaves, first = at % call->leaves * LEAF_COLUMNS, left = call->n - first;
    log_sum_leaf(left < LEAF_COLUMNS ? (int)left : LEAF_COLUMNS, call->scale, call->cap,
                 call->x + row * call->ldx + first, call->nodes + at * 2, 0);
  }
}

static float log_of_nodes(const float *nodes, size_t leaves) { return log_sum((long)leaves, nodes); }

static void top_k(const shard_host_top_k_part *call, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at++) {
    const size_t row = at / call->parts, first = at % call->parts * call->run;
    const size_t last = call->n - first < call->run ? call->n : first + call->run;
    uint64_t *best = call->best + at * call->k;
    memset(best, 0, call->k * sizeof *best);
    if (call->candidates)
      top_k_of_candidates(call->candidates + row * call->n, (long)first, (long)last, (int)call->k, best);
    else
      top_k_of_row(call->x + row * call->ldx, (long)first, (long)last, call->column, call->scale, call->cap,
                   (int)call->k, best);
    for (size_t i = 0; call->ids && i < call->k; i++)
      call->ids[at * call->k + i] = column_of(best[i]);
  }
}
