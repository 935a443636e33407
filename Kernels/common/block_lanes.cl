// SPDX-License-Identifier: Apache-2.0
// common/block_lanes: the columns of a quantised panel (common/blocks, LANE_BYTES 4) on GPUs, a row for each work-item,
// in words of 32 bits: neighbours read neighbours.
// Prepend common/elements, common/blocks.
#ifndef NR
#define NR 32 // rows of a panel, a multiple of 4
#endif
#define WORD_COLUMNS (32 / LOW) // columns in a word of low bits
#define GROUP_WORDS (GROUP / WORD_COLUMNS)
__constant float iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Word number `index` of the low bits of a group.
INLINE uint load_word(__global const uchar *record, int group, int index, int row) {
  return ((__global const uint *)(record + LOW_AT * NR))[(group * GROUP_WORDS + index) * NR + row];
}

// The high bits of a group.
INLINE uint load_high(__global const uchar *record, int group, int row) {
  if (!HIGH) return 0;
  return ((__global const uint *)(record + HIGH_AT * NR))[group * NR + row];
}

// The value q of column `e` of a word, which is column `column` of its group.
INLINE float word_value(uint word, uint high, int e, int column) {
  if (LOW == 8) return (float)((int)(word << (24 - 8 * e)) >> 24);
  const uint low = word >> (4 * e) & 15;
  if (FORMAT_IS(IQ4_NL)) return iq4_nl_values[low];
  const uint top = HIGH ? (high >> (HIGH * column) & (HIGH == 2 ? 3 : 1)) << 4 : 0;
  return (float)((int)(low | top) - BIAS);
}

INLINE float load_scale(__global const uchar *record, int group, int row) {
  const float d = vload_half(row, (__global const half *)record);
  if (FORMAT_IS(Q6_K)) return d * (float)((__global const char *)record)[SCALES_AT * NR + group * NR + row];
  return NESTED ? d * (float)record[SCALES_AT * NR + group * NR + row] : d;
}

// The offset of a group, in formats that have offsets.
INLINE float load_offset(__global const uchar *record, int group, int row) {
  const float m = vload_half(row, (__global const half *)(record + M_AT * NR));
  return NESTED ? -(m * (float)record[OFFSETS_AT * NR + group * NR + row]) : m;
}
