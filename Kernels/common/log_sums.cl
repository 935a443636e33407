// SPDX-License-Identifier: Apache-2.0
// common/log_sums: log of a sum of exponentials over columns that may lie on several ranks. OpenCL C and C.
// Columns are cut into leaves of LEAF_COLUMNS, counted from column 0 of the whole. A node is (m, s): the largest value
// of its columns, and the sum of exp(value - m). That of a leaf is summed in the order of common/rows. Two nodes join
// to m = max(m1, m2), s = fma(s1, exp(m1 - m), s2 * exp(m2 - m)), where exp(0) is 1 for infinities too. Leaves join as
// the carries of a binary counter do; what is left over joins from the right. The result is m + log(s).
// Prepend common/elements, common/functions, common/rows, common/logits.
#define LEAF_COLUMNS 1024
#define LOG_SUM_LEVELS 32

// exp(x - m), where x is at most m.
INLINE floats share(floats x, floats m) { return portable_exp(x == m ? EACH(0.0f) : x - m); }

// The node of one leaf's `n` columns to node[0] and node[1].
INLINE void log_sum_leaf(int n, float scale, float cap, GLOBAL const float *x, GLOBAL float *node, SHARED) {
  floats chain[STRIPES];
  START(chain, -INFINITY)
  EACH_LONG_PART(n, {
    const floats e = inside(capped(load_floats(x + j, count), scale, cap), count, -INFINITY);
    chain[v] = e > chain[v] ? e : chain[v];
  })
  const floats m = joined(MAX, chain, shared);
  START(chain, 0.0f)
  EACH_LONG_PART(n, {
    chain[v] = chain[v] + inside(share(capped(load_floats(x + j, count), scale, cap), m), count, 0);
  })
  const floats s = joined(SUM, chain, shared);
  if (ITEM == 0) {
    node[0] = LANE_0(m);
    node[1] = LANE_0(s);
  }
}

// (m, s) becomes the node of (left_m, left_s) and it.
INLINE void join_nodes(floats left_m, floats left_s, floats *m, floats *s) {
  const floats top = left_m > *m ? left_m : *m;
  *s = FMA(left_s, share(left_m, top), *s * share(*m, top));
  *m = top;
}

// m + log(s) of the tree over `leaves` nodes that lie one after the other; -infinity of none.
INLINE float log_sum(long leaves, GLOBAL const float *nodes) {
  floats waiting_m[LOG_SUM_LEVELS], waiting_s[LOG_SUM_LEVELS]; // nodes that wait for a right sibling
  floats m = EACH(-INFINITY), s = EACH(0.0f);
  for (long leaf = 0; leaf < leaves; leaf++) {
    m = EACH(nodes[2 * leaf]);
    s = EACH(nodes[2 * leaf + 1]);
    int level = 0;
    for (; leaf >> level & 1; level++) join_nodes(waiting_m[level], waiting_s[level], &m, &s);
    waiting_m[level] = m;
    waiting_s[level] = s;
  }
  // The node of the lowest bit of `leaves` is (m, s); those of higher ones wait.
  for (int level = 1; leaves >> level; level++)
    if ((leaves >> level & 1) && leaves & ((1L << level) - 1)) join_nodes(waiting_m[level], waiting_s[level], &m, &s);
  return LANE_0(m + portable_log(s));
}
