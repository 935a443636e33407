// SPDX-License-Identifier: Apache-2.0
// gemm/pack: puts a matrix of any strides into the panels that every product reads.
// source  rows x k       source[offset + r * row_stride + p * column_stride], SOURCE
// panels  k x WIDTH each panels[panels_offset + ((r / WIDTH) * k + p) * WIDTH + r % WIDTH], TARGET; rows past the last
// are zero
// Work-item (x, y, z) fills steps x * chunk .. of panel y of matrix z of a batch; source_batch and panels_batch are the
// elements from one matrix to the next. Any work-group size.
// Global size (ceil(k / chunk) or more, ceil(rows / WIDTH), matrices); chunk is 4 on GPUs, 256 on CPU devices.
// Fast where one stride is 1. A conversion is exact: TARGET is SOURCE or F32.
// Prepend common/elements.
// check: -DWIDTH=6
// gpu: -DWIDTH=32
// gpu: -DWIDTH=32 -DSOURCE=F16 -DTARGET=F16
// gpu: -DWIDTH=32 -DSOURCE=BF16 -DTARGET=BF16
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
typedef float8 element8;
#define READ(N) LOAD(SOURCE, N)
#else // bits are copied as they are
typedef ushort stored, element;
typedef ushort2 element2;
typedef ushort4 element4;
typedef ushort8 element8;
#define READ(N) JOIN_WORDS(read, N)
INLINE ushort read1(__global const ushort *p) { return *p; }
INLINE ushort2 read2(__global const ushort *p) { return vload2(0, p); }
INLINE ushort4 read4(__global const ushort *p) { return vload4(0, p); }
#if WIDTH < 8
INLINE ushort8 read8(__global const ushort *p) { return vload8(0, p); }
#endif
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

// Row-major source: TOGETHER rows and STEPS steps at a time, transposed in registers, so that stores are long. The last
// rows overlap those before where TOGETHER does not divide WIDTH. No more rows side by side, since rows a power of two
// apart share cache sets.
typedef element4 unaligned4 __attribute__((aligned(sizeof(element)))); // vstore is several stores on some devices
typedef element8 unaligned8 __attribute__((aligned(sizeof(element))));
#if WIDTH >= 8
#define TOGETHER 8
#define STEPS 4
#define READ_LANES(p) ((element8)(READ(4)(p), READ(4)((p) + 4 * row_stride))) // rows i and i + 4
INLINE void write_lanes(element8 x, __global element *out) { *(__global unaligned8 *)out = x; }
#else
#define TOGETHER 4
#define STEPS 8
#define READ_LANES(p) READ(8)(p) // steps p and p + 4
INLINE void write_lanes(element8 x, __global element *out) {
  *(__global unaligned4 *)out = x.lo;
  *(__global unaligned4 *)(out + 4 * WIDTH) = x.hi;
}
#endif

INLINE void pack_rows(int steps, long row_stride, __global const stored *source, __global element *panel) {
  for (int i = 0; i < WIDTH; i += TOGETHER) {
    const int r = min(i, WIDTH - TOGETHER);
    __global const stored *in = source + r * row_stride;
    __global element *out = panel + r;
    for (int p = 0; p < steps; p += STEPS, in += STEPS, out += STEPS * WIDTH) {
      const element8 a = READ_LANES(in), b = READ_LANES(in + row_stride);
      const element8 c = READ_LANES(in + 2 * row_stride), d = READ_LANES(in + 3 * row_stride);
      const element8 ab0 = (element8)(a.s0, b.s0, a.s1, b.s1, a.s4, b.s4, a.s5, b.s5);
      const element8 ab2 = (element8)(a.s2, b.s2, a.s3, b.s3, a.s6, b.s6, a.s7, b.s7);
      const element8 cd0 = (element8)(c.s0, d.s0, c.s1, d.s1, c.s4, d.s4, c.s5, d.s5);
      const element8 cd2 = (element8)(c.s2, d.s2, c.s3, d.s3, c.s6, d.s6, c.s7, d.s7);
      write_lanes((element8)(ab0.s01, cd0.s01, ab0.s45, cd0.s45), out);
      write_lanes((element8)(ab0.s23, cd0.s23, ab0.s67, cd0.s67), out + WIDTH);
      write_lanes((element8)(ab2.s01, cd2.s01, ab2.s45, cd2.s45), out + 2 * WIDTH);
      write_lanes((element8)(ab2.s23, cd2.s23, ab2.s67, cd2.s67), out + 3 * WIDTH);
    }
  }
}

__kernel void gemm_pack(int rows, int k, int chunk, __global const stored *restrict source, long offset,
                        long row_stride, long column_stride, long source_batch, __global element *restrict panels,
                        long panels_offset, long panels_batch) {
  const long row0 = (long)get_global_id(1) * WIDTH, p0 = (long)get_global_id(0) * chunk;
  if (row0 >= rows || p0 >= k) return;
  int steps = (int)min((long)chunk, k - p0);
  const int count = (int)min((long)WIDTH, rows - row0);
  source += offset + get_global_id(2) * source_batch + row0 * row_stride + p0 * column_stride;
  panels += panels_offset + get_global_id(2) * panels_batch + (row0 / WIDTH * k + p0) * WIDTH;
  if (count == WIDTH && row_stride == 1) {
    pack_columns(steps, column_stride, source, panels);
  } else if (WIDTH >= TOGETHER && count == WIDTH && column_stride == 1) {
    const int whole = steps & -STEPS;
    pack_rows(whole, row_stride, source, panels);
    pack_any(WIDTH, steps - whole, row_stride, 1, source + whole, panels + whole * WIDTH);
  } else {
    pack_any(count, steps, row_stride, column_stride, source, panels);
  }
}
