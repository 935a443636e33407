// SPDX-License-Identifier: Apache-2.0
// common/look_up: one row of a weight in panels of any format, as f32. OpenCL C and C.
// An element is exact; a value of a quantised block is fma(scale, q, offset), or scale * q where there are no offsets,
// rounded once (common/blocks). Formats: 0 F32, 1 F16, 2 BF16, then the quantised ones in the order of their numbers.
// Which format is a number, not a macro: a look-up waits for memory, not for arithmetic.
// Prepend common/elements, common/blocks.
#ifdef __OPENCL_C_VERSION__
#define CONSTANT __constant
#define HALF(p) vload_half(0, (__global const half *)(p))
#define BITS_AS_FLOAT(bits) as_float(bits)
#define FMA_ONE(a, b, c) fma(a, b, c)
__constant float iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
#endif

// What common/blocks says of a format.
typedef struct {
  int length, group, low, high, bias, offsets, nested;
} block_fields;
#define FIELDS(NAME)                                                                                                   \
  { LENGTH_##NAME, GROUP_##NAME, LOW_##NAME, HIGH_##NAME, BIAS_##NAME, OFFSETS_##NAME, NESTED_##NAME }
CONSTANT block_fields fields_of_formats[] = {FIELDS(Q8_0),   FIELDS(Q4_0), FIELDS(Q4_1), FIELDS(Q5_0), FIELDS(Q5_1),
                                             FIELDS(IQ4_NL), FIELDS(Q4_K), FIELDS(Q5_K), FIELDS(Q6_K)};
#define FIRST_QUANTISED 3
#define ELEMENTS_TOGETHER 32 // columns of elements that are looked up at a time, as if they were a group

// Columns of a group.
INLINE int group_columns(int format) {
  return format < FIRST_QUANTISED ? ELEMENTS_TOGETHER : fields_of_formats[format - FIRST_QUANTISED].group;
}

// Columns [first, first + count) of row `row` of a panel that holds `columns` columns of `width` rows.
INLINE void look_up_elements(int format, GLOBAL const uchar *panel, int width, int row, long first, int count,
                             float scale, GLOBAL float *y) {
  for (int c = 0; c < count; c++) {
    const long at = (first + c) * width + row;
    float value;
    if (format == 0)
      value = ((GLOBAL const float *)panel)[at];
    else if (format == 1)
      value = HALF(panel + 2 * at);
    else
      value = BITS_AS_FLOAT((uint)((GLOBAL const ushort *)panel)[at] << 16);
    y[c] = value * scale;
  }
}

// Columns [first, first + group) of row `row`, in a panel of quantised blocks.
INLINE void look_up_group(int format, GLOBAL const uchar *panel, int width, int lane_bytes, int row, long first,
                          float scale, GLOBAL float *y) {
  const block_fields f = fields_of_formats[format - FIRST_QUANTISED];
  const int groups = f.length / f.group, group = first % f.length / f.group;
  // Where the planes of a record begin, as bytes of one row (common/blocks).
  const int scales_at = 2 + 2 * f.offsets, offsets_at = scales_at + groups * f.nested;
  const int high_at = offsets_at + groups * f.nested * f.offsets, low_at = high_at + (f.high ? 4 * groups : 0);
  GLOBAL const uchar *record = panel + first / f.length * (low_at + f.length * f.low / 8) * width;

  float factor = HALF(record + 2 * row), offset = f.offsets ? HALF(record + 2 * width + 2 * row) : -0.0f;
  const uchar s = record[(scales_at + group * f.nested) * width + row];
  if (f.nested) factor = factor * (f.offsets ? (float)s : (float)(signed char)s);
  if (f.nested && f.offsets) offset = -(offset * (float)record[(offsets_at + group) * width + row]);
  uint high = 0;
  for (int t = 0; f.high && t < 4; t++) high |= (uint)record[high_at * width + (group * width + row) * 4 + t] << 8 * t;

  for (int c = 0; c < f.group; c++) {
    const int t = (group * f.group + c) * f.low / 8;
    const uint low = record[low_at * width + (t / lane_bytes * width + row) * lane_bytes + t % lane_bytes];
    float q;
    if (f.low == 8)
      q = (float)(signed char)low;
    else if (format - FIRST_QUANTISED + 1 == FORMAT_IQ4_NL)
      q = iq4_nl_values[low >> 4 * (c & 1) & 15];
    else
      q = (float)((int)((low >> 4 * (c & 1) & 15) | (high >> f.high * c & ((1u << f.high) - 1)) << 4) - f.bias);
    y[c] = FMA_ONE(factor, q, offset) * scale;
  }
}

// Columns [first, first + count), at most a group and beginning with one, of a row that there is.
INLINE void look_up_columns(int format, GLOBAL const uchar *panels, int columns, int width, int lane_bytes, long row,
                    long first, int count, float scale, GLOBAL float *y) {
  const long panel = row / width;
  if (format < FIRST_QUANTISED) {
    look_up_elements(format, panels + panel * columns * width * (format == 0 ? 4 : 2), width, (int)(row % width), first,
                     count, scale, y);
    return;
  }
  const block_fields f = fields_of_formats[format - FIRST_QUANTISED];
  const int groups = f.length / f.group;
  const long record = 2 + 2 * f.offsets + groups * f.nested * (1 + f.offsets) + (f.high ? 4 * groups : 0) +
                      f.length * f.low / 8;
  look_up_group(format, panels + panel * (columns / f.length) * record * width, width, lane_bytes, (int)(row % width),
                first, scale, y);
}
