// SPDX-License-Identifier: Apache-2.0
// common/leaves: the one order of addition. The reduction dimension is cut into LEAVES runs on borders of whole units; inside a
// leaf a sum is one chain of fma from +0 over ascending k; leaves meet in a complete binary tree, left operand first.
// A rank may own leaves [begin, end) only: it hands on its *nodes*, the complete subtrees that cover them, in ascending order.
#define LEAVES 8
#define LEAF_LEVELS 3 // log2(LEAVES)

// Where leaf `leaf` of a reduction over k begins; leaf LEAVES begins at k.
static inline int leaf_border(int leaf, int k, int unit) {
  const long units = ((long)k + unit - 1) / unit;
  return (int)min((long)k, leaf * units / LEAVES * unit);
}

// Whether the subtree of 2^level leaves that ends with `leaf` is a right child whose sibling has been computed, so that it joins it.
static inline bool node_joins(int leaf, int level, int begin) {
  return level < LEAF_LEVELS && (leaf >> level & 1) && ((leaf >> level) - 1) << level >= begin;
}

// Whether the same subtree, if it does not join, is the end of the matter: no sibling will follow it.
static inline bool node_is_final(int leaf, int level, int end) {
  return level == LEAF_LEVELS || (leaf >> level & 1) || ((leaf >> level) + 2) << level > end;
}
