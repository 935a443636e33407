// SPDX-License-Identifier: Apache-2.0
// gemm/pack: puts a matrix of any strides into the panels that every product reads.
// source  rows x k       source[offset + r * row_stride + p * column_stride], SOURCE
// panels  k x WIDTH each panels[panels_offset + ((r / WIDTH) * k + p) * WIDTH + r % WIDTH], TARGET; rows past the last
// are zero
// Work-item (x, y) fills steps x * chunk .. of panel y. Any work-group size.
// Global size (ceil(k / chunk), ceil(rows / WIDTH)); chunk is 4 on GPUs, 256 on CPU devices.
// Fast where one stride is 1. A conversion is exact: TARGET is SOURCE or F32.
// Prepend common/elements.
#ifndef WIDTH
#define WIDTH 14 // rows of a panel, even
#endif
#ifndef SOURCE
#define SOURCE F32 // F32, F16, BF16
#endif
#ifndef TARGET
#define TARGET F32 // F32, or as SOURCE
#endif
#if WIDTH < 2 || WIDTH % 2
#error "gemm/pack: WIDTH must be even"
#endif
#if !ELEMENT(SOURCE) || !ELEMENT(TARGET)
#error "gemm/pack: SOURCE and TARGET must be F32, F16 or BF16"
#endif
#if ELEMENT(TARGET) != ELEMENT_F32 && ELEMENT(TARGET) != ELEMENT(SOURCE)
#error "gemm/pack: TARGET must be F32 or as SOURCE"
#endif

#if ELEMENT(TARGET) == ELEMENT_F32
typedef STORAGE(SOURCE) stored;
typedef float element;
typedef float2 element2;
typedef float4 element4;
#define READ(N) LOAD(SOURCE, N)
#else // bits are copied as they are
typedef ushort stored, element;
typedef ushort2 element2;
typedef ushort4 element4;
#define READ(N) JOIN_WORDS(read, N)
INLINE ushort read1(__global const ushort *p) { return *p; }
INLINE ushort2 read2(__global const ushort *p) { return vload2(0, p); }
INLINE ushort4 read4(__global const ushort *p) { return vload4(0, p); }
#endif

INLINE void pack_any(int rows, int steps, long row_stride, long column_stride, __global const stored *source,
                            __global element *panel) {
  for (int p = 0; p < steps; p++)
    for (int r = 0; r < WIDTH; r++)
      panel[p * WIDTH + r] = r < rows ? READ(1)(source + r * row_stride + p * column_stride) : 0;
}

// Column-major source: a step is WIDTH neighbours.
INLINE void pack_columns(int steps, long column_stride, __global const stored *source, __global element *panel) {
  for (int p = 0; p < steps; p++, source += column_stride, panel += WIDTH) {
#pragma unroll
    for (int r = 0; r + 4 <= WIDTH; r += 4) vstore4(READ(4)(source + r), 0, panel + r);
    if (WIDTH % 4) vstore2(READ(2)(source + WIDTH - 2), 0, panel + WIDTH - 2);
  }
}

// Row-major source: pairs of rows woven in registers, two rows side by side at a time, since rows a power of two
// apart share cache sets.
INLINE void pack_rows(int steps, long row_stride, __global const stored *source, __global element *panel) {
  for (int r = 0; r < WIDTH; r += 2, source += 2 * row_stride) {
    __global element *out = panel + r;
    for (int p = 0; p < steps; p += 4, out += 4 * WIDTH) {
      const element4 x = READ(4)(source + p), y = READ(4)(source + row_stride + p);
      vstore2((element2)(x.s0, y.s0), 0, out);
      vstore2((element2)(x.s1, y.s1), 0, out + WIDTH);
      vstore2((element2)(x.s2, y.s2), 0, out + 2 * WIDTH);
      vstore2((element2)(x.s3, y.s3), 0, out + 3 * WIDTH);
    }
  }
}

__kernel void gemm_pack(int rows, int k, int chunk, __global const stored *restrict source, long offset,
                        long row_stride, long column_stride, __global element *restrict panels, long panels_offset) {
  const long row0 = (long)get_global_id(1) * WIDTH, p0 = (long)get_global_id(0) * chunk;
  if (row0 >= rows || p0 >= k) return;
  int steps = (int)min((long)chunk, k - p0);
  const int count = (int)min((long)WIDTH, rows - row0);
  source += offset + row0 * row_stride + p0 * column_stride;
  panels += panels_offset + (row0 / WIDTH * k + p0) * WIDTH;
  if (count == WIDTH && row_stride == 1) {
    pack_columns(steps, column_stride, source, panels);
  } else if (count == WIDTH && column_stride == 1) {
    const int whole = steps & ~3;
    pack_rows(whole, row_stride, source, panels);
    pack_any(WIDTH, steps - whole, row_stride, 1, source + whole, panels + whole * WIDTH);
  } else {
    pack_any(count, steps, row_stride, column_stride, source, panels);
  }
}
