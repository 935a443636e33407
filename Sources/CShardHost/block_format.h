// SPDX-License-Identifier: Apache-2.0
// What differs between quantised formats: packing, and unpacking of a panel. Included once for each FORMAT.
#include "common/repack.cl"

static void NAME(pack_)(const uint8_t *source, size_t rows, size_t columns, uint8_t *target, size_t panel_begin,
                        size_t panel_end) {
  const size_t blocks = columns / LENGTH;
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    const size_t row = panel * TILE_COLUMNS, left = rows - row;
    for (size_t block = 0; block < blocks; block++)
      NAME(repack_)(source + (row * blocks + block) * BYTES, (long)(blocks * BYTES),
                    (int)(left < TILE_COLUMNS ? left : TILE_COLUMNS), TILE_COLUMNS, 1,
                    target + (panel * blocks + block) * RECORD_BYTES);
  }
}

// The high bits of the group's columns.
INLINE vec_bits NAME(load_high_)(const uint8_t *record, int group, int v) {
  return HIGH ? load_bits(record + HIGH_AT * TILE_COLUMNS + 4 * (group * TILE_COLUMNS + v * LANES)) : (vec_bits)0;
}

// Those of column `column` of the lowest ones, moved to bit 4.
INLINE vec_bits NAME(high_bits_)(vec_bits high, int column) {
  const int shift = HIGH * column - 4;
  return (shift < 0 ? high << (uint32_t)-shift : high >> (uint32_t)shift) & (uint32_t)(HIGH == 2 ? 0x30 : 0x10);
}

// The values q of columns `column` and `column + 1`, even, of a group; `high` begins with column 8 * (column / 8).
INLINE void NAME(load_pair_)(const uint8_t *record, int group, int column, int v, vec_bits high, vec q[2]) {
  record += LOW_AT * TILE_COLUMNS + v * LANES;
  if (LOW == 8) {
    q[0] = load_signed_bytes(record + (group * GROUP + column) * TILE_COLUMNS);
    q[1] = load_signed_bytes(record + (group * GROUP + column + 1) * TILE_COLUMNS);
    return;
  }
  const vec_bits low = load_bytes(record + (group * GROUP + column) / 2 * TILE_COLUMNS);
  if (LOOKS_UP) {
    const float *table = FORMAT_IS(IQ4_NL) ? iq4_nl_values : whole_numbers + 8 - BIAS % 9;
    q[0] = look_up(table, low);
    q[1] = look_up(table, low >> 4);
    return;
  }
  vec_bits first = (low & 15) | MAGIC_BITS, second = low >> 4 | MAGIC_BITS;
  if (HIGH) {
    first |= NAME(high_bits_)(high, column % 8);
    second |= NAME(high_bits_)(high, column % 8 + 1);
  }
  q[0] = from_magic(first, BIAS);
  q[1] = from_magic(second, BIAS);
}

INLINE block_scales NAME(load_scales_)(const uint8_t *record, int group) {
  block_scales of;
  UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
    const uint8_t *scale = record + SCALES_AT * TILE_COLUMNS + group * TILE_COLUMNS + v * LANES;
    of.scale[v] = load_elements(SHARD_HOST_F16, record, (size_t)v * LANES);
    if (FORMAT_IS(Q6_K))
      of.scale[v] *= load_signed_bytes(scale);
    else if (NESTED)
      of.scale[v] *= __builtin_convertvector(load_bytes(scale), vec);
    if (OFFSETS)
      of.offset[v] = load_elements(SHARD_HOST_F16, record + M_AT * TILE_COLUMNS, (size_t)v * LANES);
    if (OFFSETS && NESTED)
      of.offset[v] *= -__builtin_convertvector(load_bytes(scale + (OFFSETS_AT - SCALES_AT) * TILE_COLUMNS), vec);
  }
  return of;
}

static void NAME(unpack_)(const uint8_t *record, int group, float *restrict q, float *restrict scales) {
  for (int column = 0; column < GROUP; column += 8, q += 8 * TILE_COLUMNS) {
    UNROLL for (int ahead = 0; ahead < SHARE_BYTES; ahead += 64)
        __builtin_prefetch(record + (group * GROUP + column) / 8 * SHARE_BYTES + ahead + PREFETCH_BYTES);
    UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const vec_bits high = NAME(load_high_)(record, group, v) >> (uint32_t)(HIGH * column);
      UNROLL for (int i = 0; i < 8; i += 2) {
        vec pair[2];
        NAME(load_pair_)(record, group, column + i, v, high, pair);
        store(q + i * TILE_COLUMNS + v * LANES, pair[0]);
        store(q + (i + 1) * TILE_COLUMNS + v * LANES, pair[1]);
      }
    }
  }
  const block_scales of = NAME(load_scales_)(record, group);
  UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
    store(scales + v * LANES, of.scale[v]);
    if (OFFSETS)
      store(scales + TILE_COLUMNS + v * LANES, of.offset[v]);
  }
}

static const block_format NAME(block_format_) = {LENGTH, GROUP, RECORD_BYTES, OFFSETS, NAME(pack_), NAME(unpack_)};
