// SPDX-License-Identifier: Apache-2.0
// elementwise/activate: y = activation(x) * up * scale, element by element; without `gated` there is no factor up.
// x   rows x columns  x[x_offset + i * ldx + j * step], step 1 or 2
// up  rows x columns  up[up_offset + i * ldu + j * step], read where gated
// y   rows x columns  y[y_offset + i * ldy + j]; may be x or up where step is 1
// Activations are numbered as in common/functions. With step 2 columns come in pairs, x before up.
// Work-item (x, y) has columns x * run .. x * run + run - 1 of rows y * lines .. y * lines + lines - 1. Any work-group
// size. Global size: at least (ceil(columns / run), ceil(rows / lines)). On CPU devices run is a multiple of FUNCTION_LANES; on
// GPUs FUNCTION_LANES, run and lines are 1.
// Prepend common/elements, common/functions.
// check: -DFUNCTION_LANES=16
// check: -DFUNCTION_LANES=4

// Elements p[0], p[step], p[2 * step] ...; `count` of them, the others are 0.
INLINE floats load_steps(__global const float *p, int step, long count) {
  if (step == 1) return load_floats(p, count);
#if FUNCTION_LANES > 1
  if (count > FUNCTION_LANES) // a vector may reach one element past the last of these
    return (floats)((*(__global const unaligned_floats *)p).even,
                    (*(__global const unaligned_floats *)(p + FUNCTION_LANES)).even);
#endif
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } v;
  for (int t = 0; t < FUNCTION_LANES; t++) v.element[t] = t < count ? p[t * step] : 0;
  return v.vector;
}

__kernel void elementwise_activate(int rows, long columns, int run, int lines, int activation, int gated, int step,
                                   float scale, __global const float *x, long x_offset, long ldx,
                                   __global const float *up, long up_offset, long ldu, __global float *y,
                                   long y_offset, long ldy) {
  const long first = (long)get_global_id(0) * run, end = min(columns, first + run);
  const long line = (long)get_global_id(1) * lines, last = min((long)rows, line + lines);
  for (long i = line; i < last; i++) {
    for (long j = first; j < end; j += FUNCTION_LANES) {
      floats v = activated(activation, load_steps(x + x_offset + i * ldx + j * step, step, columns - j));
      if (gated) v = v * load_steps(up + up_offset + i * ldu + j * step, step, columns - j);
      store_floats(v * scale, y + y_offset + i * ldy + j, columns - j);
    }
  }
}
