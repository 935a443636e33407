// SPDX-License-Identifier: Apache-2.0
// common/leaves: the one order of addition. The reduction dimension is cut into LEAVES runs on borders of whole units;
// inside a leaf a sum is one chain of fma from +0 over ascending k; leaves meet in a complete binary tree, left operand
// first. Who owns leaves [begin, end) only hands on *nodes*, the complete subtrees that cover them, in ascending order:
// [3, 6) is leaf 3 and the pair (4, 5). An empty leaf is +0 and joins like any other.
#define LEAVES 8
#define LEAF_LEVELS 3 // log2(LEAVES)

// Where `leaf` of a reduction over k begins; leaf LEAVES begins at k.
INLINE int leaf_border(int leaf, int k, int unit) {
  const long units = ((long)k + unit - 1) / unit;
  return (int)min((long)k, leaf * units / LEAVES * unit);
}

// Whether the subtree of 2^level leaves that ends with `leaf` is a right child with its left sibling done: they join.
INLINE bool node_joins(int leaf, int level, int begin) {
  return level < LEAF_LEVELS && (leaf >> level & 1) && ((leaf >> level) - 1) << level >= begin;
}

// Whether the same subtree, when it does not join, is a node: its parent reaches outside [begin, end).
INLINE bool node_is_final(int leaf, int level, int end) {
  return level == LEAF_LEVELS || (leaf >> level & 1) || ((leaf >> level) + 2) << level > end;
}

// How many nodes end before `leaf`.
INLINE int nodes_before(int leaf, int begin, int end) {
  int nodes = 0;
  for (int i = begin; i < leaf; i++) {
    int level = 0;
    while (node_joins(i, level, begin)) level++;
    nodes += node_is_final(i, level, end);
  }
  return nodes;
}
