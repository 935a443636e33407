// SPDX-License-Identifier: Apache-2.0
// common/repack: from blocks as files have them to a record of a panel (common/blocks). OpenCL C and C, which defines
// INPUT and OUTPUT as nothing. Where a file keeps what: GGML's ggml-common.h.
#ifdef __OPENCL_C_VERSION__
#define INPUT __global
#define OUTPUT __global
#endif
#define D_SOURCE (FORMAT_IS(Q6_K) ? 208 : 0)
#define HIGH_SOURCE (FORMAT_IS(Q6_K) ? 128 : FORMAT_IS(Q5_K) ? 16 : FORMAT_IS(Q5_1) ? 4 : 2)
#define LOW_SOURCE                                                                                                     \
  (FORMAT_IS(Q6_K) ? 0 : FORMAT_IS(Q5_K) ? 48 : FORMAT_IS(Q4_K) ? 16 : 2 + 2 * OFFSETS + (HIGH ? 4 : 0))
#define NAME(PREFIX) JOIN_WORDS(PREFIX, FORMAT)

// The low bits of a column.
INLINE uint NAME(low_of_)(INPUT const uchar *block, int column) {
  block += LOW_SOURCE;
  if (FORMAT_IS(Q8_0)) return block[column];
  if (FORMAT_IS(Q6_K)) {
    const int quarter = column / 32 % 4;
    return block[column / 128 * 64 + quarter % 2 * 32 + column % 32] >> quarter / 2 * 4 & 15;
  }
  if (NESTED) return block[column / 64 * 32 + column % 32] >> column / 32 % 2 * 4 & 15;
  return block[column % 16] >> column / 16 * 4 & 15;
}

// The high bits of a column.
INLINE uint NAME(high_of_)(INPUT const uchar *block, int column) {
  block += HIGH_SOURCE;
  if (FORMAT_IS(Q6_K)) return block[column / 128 * 32 + column % 32] >> column / 32 % 4 * 2 & 3;
  if (NESTED) return block[column % 32] >> column / 32 & 1;
  return block[column / 8] >> column % 8 & 1;
}

// The whole numbers of a group: in Q4_K and Q5_K six bits each, of which groups 4 to 7 get the upper ones from the top
// of those of groups 0 to 3.
INLINE uint NAME(scale_of_)(INPUT const uchar *block, int group) {
  if (FORMAT_IS(Q6_K)) return block[192 + group];
  return group < 4 ? block[4 + group] & 63 : (block[8 + group] & 15) | (block[group] >> 2 & 48);
}
INLINE uint NAME(offset_of_)(INPUT const uchar *block, int group) {
  return group < 4 ? block[8 + group] & 63 : block[8 + group] >> 4 | (block[4 + group] >> 2 & 48);
}

// Writes the record of block number 0 of `rows` rows, `pitch` bytes apart; rows up to `width` become zeros.
INLINE void NAME(repack_)(INPUT const uchar *source, long pitch, int rows, int width, int lane_bytes,
                          OUTPUT uchar *record) {
  for (int row = 0; row < width; row++) {
    INPUT const uchar *block = source + row * pitch;
    const bool there = row < rows;
    for (int t = 0; t < 2; t++) {
      record[2 * row + t] = there ? block[D_SOURCE + t] : 0;
      if (OFFSETS) record[M_AT * width + 2 * row + t] = there ? block[2 + t] : 0;
    }
    for (int group = 0; group < GROUPS; group++) {
      if (NESTED) record[SCALES_AT * width + group * width + row] = there ? NAME(scale_of_)(block, group) : 0;
      if (NESTED && OFFSETS)
        record[OFFSETS_AT * width + group * width + row] = there ? NAME(offset_of_)(block, group) : 0;
      for (int t = 0; HIGH && t < 4; t++) {
        uint bits = 0;
        for (int i = 0; there && i < 8 / (HIGH + !HIGH); i++)
          bits |= NAME(high_of_)(block, group * GROUP + t * 8 / (HIGH + !HIGH) + i) << i * HIGH;
        record[HIGH_AT * width + (group * width + row) * 4 + t] = bits;
      }
    }
    for (int t = 0; t < LENGTH * LOW / 8; t++) {
      uint bits = 0;
      if (there) bits = NAME(low_of_)(block, t * 8 / LOW);
      if (there && LOW == 4) bits |= NAME(low_of_)(block, t * 2 + 1) << 4;
      record[LOW_AT * width + (t / lane_bytes * width + row) * lane_bytes + t % lane_bytes] = bits;
    }
  }
}
