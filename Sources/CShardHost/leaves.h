// SPDX-License-Identifier: Apache-2.0
// The order of addition as a list of pieces: what a tile of C does, in sequence, with its accumulators.
#pragma once
#include "CShardHost.h"

// Unfinished left siblings wait in slots 0 to 2 (one per tree level), accumulators of a leaf that spans chunks in
// slot `joins`, which no finished sibling uses at that time.
#define SLOTS 4

// Leaves are cut at multiples of this: whole blocks of every quantised format.
#define SHARD_HOST_CUT 256

// A run of columns inside one leaf.
typedef struct {
  size_t begin, length; // local columns
  bool first, last;     // of its leaf
  bool stored;          // its leaf completes node `node`
  uint32_t joins, node; // joins: how many left siblings the finished leaf completes
} shard_host_piece;

// Where the walk over the owned leaves is.
typedef struct {
  const shard_host_product *product;
  size_t origin, position; // global columns: of local column 0, and the next one
  uint32_t leaf, node, node_begin, node_end;
} shard_host_walk;

// The largest complete subtree that starts at `leaf` and ends by `limit`.
uint32_t shard_host_node_size(uint32_t leaf, uint32_t limit);
shard_host_walk shard_host_walk_start(const shard_host_product *product);
// The next pieces, `chunk` columns at most in all, a multiple of SHARD_HOST_CUT or SIZE_MAX (a longer leaf is cut about
// evenly); returns their number, 0 at the end.
uint32_t shard_host_walk_next(shard_host_walk *walk, size_t chunk, shard_host_piece pieces[SHARD_HOST_LEAVES]);
