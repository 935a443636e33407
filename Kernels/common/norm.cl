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

// The row `ahead` elements further on, which an item that has whole rows to itself needs next, while this one is worked
// on in the cache.
#if ITEMS == 1
#define FETCH_NEXT(p) FETCH(p)
#else
#define FETCH_NEXT(p) (void)(p)
#endif

// What the squares of a row add up to, and its mean; x then has delta in it.
INLINE floats norm_sums(int n, int steps, float inverse_n, GLOBAL float *x, long ahead, GLOBAL const float *delta,
                        floats *mean, SHARED) {
  floats sum[STRIPES];
  *mean = EACH(0.0f);
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
    *mean = joined(SUM, sum, shared) * inverse_n;
  }
  if (steps & CENTRED || !(steps & ADDS)) {
    START(sum, 0.0f)
    EACH_PART(n, {
      if (steps & CENTRED) FETCH_NEXT(x + ahead + j);
      const floats d = inside(load_floats(x + j, count) - *mean, count, 0);
      sum[v] = FMA(d, d, sum[v]);
    })
  }
  return joined(SUM, sum, shared);
}

// A row's result, where mean and r have one number in every lane.
INLINE void norm_result(int n, int steps, float unit, floats mean, floats r, GLOBAL const float *x, long ahead,
                        GLOBAL const float *weight, GLOBAL const float *bias, GLOBAL float *y) {
  // What most models have is a loop without choices.
  if ((steps & (WEIGHTED | BIASED)) == WEIGHTED) {
    EACH_PART(n, {
      FETCH_NEXT(x + ahead + j);
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

// Rows [first, end), of which a line of each matrix has `heads`. The roots of short rows are taken together, one in each
// lane, while the rows stay in the cache.
#define ROOTS_ELEMENTS 4096
INLINE void norm_lines(long first, long end, int n, int heads, int steps, float inverse_n, float epsilon, float unit,
                       GLOBAL float *x, long ldx, GLOBAL const float *delta, long ldd, GLOBAL const float *weight,
                       GLOBAL const float *bias, GLOBAL float *y, long ldy, SHARED) {
  const int most = n <= ROOTS_ELEMENTS / FUNCTION_LANES ? FUNCTION_LANES : n < ROOTS_ELEMENTS ? ROOTS_ELEMENTS / n : 1;
  union {
    floats vector;
    float element[FUNCTION_LANES];
  } means, sums;
  for (long row = first; row < end; row += most) {
    const int rows = end - row < most ? (int)(end - row) : most;
    means.vector = sums.vector = EACH(0.0f);
    long line = row / heads, column = row % heads * n;
    for (int i = 0; i < rows; i++) {
      floats mean;
      const long ahead = row + rows == end ? 0 : column + n == (long)heads * n ? ldx - column : n;
      sums.element[i] = LANE_0(norm_sums(n, steps, inverse_n, x + line * ldx + column, ahead,
                                         steps & ADDS ? delta + line * ldd + column : delta, &mean, shared));
      means.element[i] = LANE_0(mean);
      column += n;
      if (column == (long)heads * n) {
        column = 0;
        line++;
      }
    }
    sums.vector = portable_rsqrt(sums.vector * inverse_n + epsilon);
    line = row / heads;
    column = row % heads * n;
    for (int i = 0; i < rows; i++) {
      const long ahead = row + rows == end ? 0 : column + n == (long)heads * n ? ldx - column : n;
      norm_result(n, steps, unit, EACH(means.element[i]), EACH(sums.element[i]), x + line * ldx + column, ahead, weight,
                  bias, y + line * ldy + column);
      column += n;
      if (column == (long)heads * n) {
        column = 0;
        line++;
      }
    }
  }
}
