// SPDX-License-Identifier: Apache-2.0
// common/norm: RMSNorm and LayerNorm of a row of n elements. OpenCL C and C.
//   x[j] = x[j] + delta[j]                                            where ADDS
//   mean = sum of x[j] * inverse_n                                    where CENTRED, else 0
//   r = 1 / sqrt(sum of fma(d, d, s) * inverse_n + epsilon), d = x[j] - mean
//   y[j] = fma((x[j] - mean) * r, unit + weight[j], bias[j])
// Without WEIGHTED the factor is 1, without BIASED the addend is none. Order of the sums: common/rows.
// Prepend common/elements, common/functions, common/rows.
#define CENTRED 1
#define ADDS 2
#define WEIGHTED 4
#define BIASED 8

INLINE void norm_row(int n, int steps, float inverse_n, float epsilon, float unit, GLOBAL float *x,
                     GLOBAL const float *delta, GLOBAL const float *weight, GLOBAL const float *bias, GLOBAL float *y,
                     SHARED) {
  floats mean = EACH(0.0f), sum[STRIPES];
  START(sum, 0.0f)
  if (steps & ADDS) {
    EACH_PART(n, {
      const floats e = load_floats(x + j, count) + load_floats(delta + j, count);
      store_floats(e, x + j, count);
      sum[v] = FMA(e, e, sum[v]);
    })
  }
  if (steps & CENTRED) {
    START(sum, 0.0f)
    EACH_PART(n, { sum[v] = sum[v] + load_floats(x + j, count); })
    mean = joined(SUM, sum, shared) * inverse_n;
  }
  if (steps & CENTRED || !(steps & ADDS)) {
    START(sum, 0.0f)
    EACH_PART(n, {
      const floats d = inside(load_floats(x + j, count) - mean, count, 0);
      sum[v] = FMA(d, d, sum[v]);
    })
  }
  const floats r = portable_rsqrt(joined(SUM, sum, shared) * inverse_n + epsilon);
  // What most models have is a loop without choices.
  if ((steps & (WEIGHTED | BIASED)) == WEIGHTED) {
    EACH_PART(n, {
      store_floats((load_floats(x + j, count) - mean) * r * (unit + load_floats(weight + j, count)), y + j, count);
    })
    return;
  }
  EACH_PART(n, {
    const floats d = (load_floats(x + j, count) - mean) * r;
    const floats w = steps & WEIGHTED ? unit + load_floats(weight + j, count) : EACH(1.0f);
    store_floats(FMA(d, w, steps & BIASED ? load_floats(bias + j, count) : EACH(-0.0f)), y + j, count);
  })
}
