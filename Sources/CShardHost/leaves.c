// SPDX-License-Identifier: Apache-2.0
#include "leaves.h"

size_t shard_host_leaf_border(size_t k, size_t unit, uint32_t leaf) {
  if (unit == 0)
    unit = 1;
  const uint64_t units = k / unit + (k % unit != 0);
  const uint64_t border = leaf * units / SHARD_HOST_LEAVES * unit;
  return border < k ? border : k;
}

uint32_t shard_host_node_size(uint32_t leaf, uint32_t limit) {
  uint32_t size = SHARD_HOST_LEAVES;
  while (leaf % size != 0 || leaf + size > limit)
    size /= 2;
  return size;
}

uint32_t shard_host_node_count(uint32_t leaf_begin, uint32_t leaf_end) {
  uint32_t count = 0;
  for (uint32_t leaf = leaf_begin; leaf < leaf_end && leaf_end <= SHARD_HOST_LEAVES; count++)
    leaf += shard_host_node_size(leaf, leaf_end);
  return count;
}

shard_host_walk shard_host_walk_start(const shard_host_product *product) {
  const uint32_t leaf = product->leaf_begin;
  const size_t origin = shard_host_leaf_border(product->k, product->unit, leaf);
  return (shard_host_walk){.product = product, .origin = origin, .position = origin, .leaf = leaf, .node_end = leaf};
}

uint32_t shard_host_walk_next(shard_host_walk *walk, size_t chunk, shard_host_piece pieces[SHARD_HOST_LEAVES]) {
  const shard_host_product *product = walk->product;
  uint32_t count = 0;
  for (size_t room = chunk; walk->leaf < product->leaf_end && product->leaf_end <= SHARD_HOST_LEAVES; count++) {
    const size_t begin = shard_host_leaf_border(product->k, product->unit, walk->leaf);
    const size_t end = shard_host_leaf_border(product->k, product->unit, walk->leaf + 1);
    const size_t left = end - walk->position;
    if (count > 0 && left > room)
      break;
    if (walk->leaf == walk->node_end) {
      walk->node_begin = walk->leaf;
      walk->node_end += shard_host_node_size(walk->leaf, product->leaf_end);
    }
    const size_t parts = left > chunk ? (left + chunk - 1) / chunk : 1;
    size_t length = (left + parts - 1) / parts;
    if (parts > 1)
      length = (length + SHARD_HOST_CUT - 1) / SHARD_HOST_CUT * SHARD_HOST_CUT;
    pieces[count] = (shard_host_piece){
        .begin = walk->position - walk->origin,
        .length = length,
        .first = walk->position == begin,
        .last = parts == 1,
        .stored = walk->leaf + 1 == walk->node_end,
        .joins = (uint32_t)__builtin_ctz(~(walk->leaf - walk->node_begin)),
        .node = walk->node,
    };
    walk->position += length;
    if (parts > 1)
      return 1;
    room -= length;
    walk->node += ++walk->leaf == walk->node_end;
  }
  return count;
}
