// SPDX-License-Identifier: Apache-2.0
// common/softmax: softmax of the first `valid` of n elements; the others become 0. OpenCL C and C.
//   v[j] = capped(x[j]), m = max of v[j]
//   e[j] = exp(v[j] - m), s = sum of e[j]; y[j] = e[j] * (1 / s)
// All are 0 where m is -infinity: there is no element, or none that counts. Order of the sum: common/rows.
// Prepend common/elements, common/functions, common/rows, common/logits.
INLINE void softmax_row(int n, int valid, float scale, float cap, GLOBAL const float *x, GLOBAL float *y, SHARED) {
  floats chain[STRIPES];
  START(chain, -INFINITY)
  EACH_LONG_PART(valid, {
    const floats e = inside(capped(load_floats(x + j, count), scale, cap), count, -INFINITY);
    chain[v] = e > chain[v] ? e : chain[v];
  })
  const floats top = joined(MAX, chain, shared), base = top == -INFINITY ? EACH(0.0f) : top;
  START(chain, 0.0f)
  EACH_LONG_PART(valid, {
    const floats e = portable_exp(capped(load_floats(x + j, count), scale, cap) - base);
    store_floats(e, y + j, count);
    chain[v] = chain[v] + inside(e, count, 0);
  })
  const floats sum = joined(SUM, chain, shared), factor = sum == 0 ? EACH(0.0f) : quotient(EACH(1.0f), sum);
  EACH_PART(valid, { store_floats(load_floats(y + j, count) * factor, y + j, count); })
  EACH_PART(n - valid, { store_floats(EACH(0.0f), y + valid + j, count); })
}
