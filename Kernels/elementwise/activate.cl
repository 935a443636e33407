// SPDX-License-Identifier: Apache-2.0
// elementwise/activate: y = activation(x) * up * scale, element by element; without `gated` there is no factor up.
// x   rows x columns  x[x_offset + i * ldx + j * step], step 1 or 2
// up  rows x columns  up[up_offset + i * ldu + j * step], read where gated
// y   rows x columns  y[y_offset + i * ldy + j]; may be x or up where step is 1
// Activations are numbered as in common/functions. With step 2 columns come in pairs, x before up.
// Work-item (x, y) has columns x * run .. x * run + run - 1 of rows y * lines .. y * lines + lines - 1. Any work-group
// size. Global size: at least (ceil(columns / run), ceil(rows / lines)). On CPU devices run is a multiple of
// FUNCTION_LANES; on GPUs both are 1.
// Prepend common/elements, common/functions.
// check: -DFUNCTION_LANES=16
// check: -DFUNCTION_LANES=4
// gpu: defaults

// FUNCTION_LANES elements p[0], p[step] and so on, all there with their neighbours.
INLINE floats load_whole(__global const float *p, int step) {
#if FUNCTION_LANES == 1
  (void)step;
#else
  if (step == 2)
    return (floats)((*(__global const unaligned_floats *)p).even,
                    (*(__global const unaligned_floats *)(p + FUNCTION_LANES)).even);
#endif
  return *(__global const unaligned_floats *)p;
}

// `count` of them, the others are 0.
INLINE floats load_some(__global const float *p, int step, long count) {
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } v;
  for (int t = 0; t < FUNCTION_LANES; t++) v.element[t] = t < count ? p[t * step] : 0;
  return v.vector;
}

// Whole vectors from column `first` on, where activation, gated and step are constants; returns the first column left.
INLINE long activate(int activation, bool gated, int step, long first, long end, float scale, __global const float *x,
                     __global const float *up, __global float *y) {
  for (; first + FUNCTION_LANES + step - 1 <= end; first += FUNCTION_LANES) {
    floats v = activated(activation, load_whole(x + first * step, step));
    if (gated) v = v * load_whole(up + first * step, step);
    *(__global unaligned_floats *)(y + first) = v * scale;
  }
  return first;
}

#define EACH_LAYOUT(activation)                                                                                        \
  case activation:                                                                                                     \
    if (!gated) {                                                                                                      \
      if (step == 1) j = activate(activation, false, 1, j, end, scale, x, up, y);                                      \
    } else if (step == 1) {                                                                                            \
      j = activate(activation, true, 1, j, end, scale, x, up, y);                                                      \
    } else {                                                                                                           \
      j = activate(activation, true, 2, j, end, scale, x, up, y);                                                      \
    }                                                                                                                  \
    break;

__kernel void elementwise_activate(int rows, long columns, int run, int lines, int activation, int gated, int step,
                                   float scale, __global const float *x, long x_offset, long ldx,
                                   __global const float *up, long up_offset, long ldu, __global float *y,
                                   long y_offset, long ldy) {
  const long first = (long)get_global_id(0) * run, end = min(columns, first + run);
  const long line = (long)get_global_id(1) * lines, last = min((long)rows, line + lines);
  x += x_offset + line * ldx;
  up += up_offset + line * ldu;
  y += y_offset + line * ldy;
  for (long i = line; i < last; i++, x += ldx, up += ldu, y += ldy) {
    long j = first;
    switch (activation) {
      EACH_LAYOUT(0)
      EACH_LAYOUT(1)
      EACH_LAYOUT(2)
      EACH_LAYOUT(3)
      EACH_LAYOUT(4)
      EACH_LAYOUT(5)
    }
    for (; j < end; j += FUNCTION_LANES) {
      floats v = activated(activation, load_some(x + j * step, step, end - j));
      if (gated) v = v * load_some(up + j * step, step, end - j);
      store_floats(v * scale, y + j, end - j);
    }
  }
}
