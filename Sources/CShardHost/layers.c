// SPDX-License-Identifier: Apache-2.0
// Passes calls for what lies between products on to the level in use.
#include "levels.h"

void shard_host_norm_rows(const shard_host_norm *norm, size_t begin, size_t end) {
  shard_host_level_in_use()->norm_rows(norm, begin, end);
}

void shard_host_softmax_rows(const shard_host_softmax *softmax, size_t begin, size_t end) {
  shard_host_level_in_use()->softmax_rows(softmax, begin, end);
}

void shard_host_rotate_rows(const shard_host_rotation *rotation, size_t begin, size_t end) {
  shard_host_level_in_use()->rotate_rows(rotation, begin, end);
}

void shard_host_activate(const shard_host_activation *call, size_t row_begin, size_t row_end, size_t column_begin,
                         size_t column_end) {
  shard_host_level_in_use()->activate(call, row_begin, row_end, column_begin, column_end);
}

void shard_host_look_up_rows(const shard_host_look_up *call, size_t begin, size_t end) {
  shard_host_level_in_use()->look_up_rows(call, begin, end);
}

void shard_host_leaf_nodes(const shard_host_leaves *call, size_t begin, size_t end) {
  shard_host_level_in_use()->leaf_nodes(call, begin, end);
}

float shard_host_log_of_nodes(const float *nodes, size_t leaves) {
  return shard_host_level_in_use()->log_of_nodes(nodes, leaves);
}

void shard_host_top_k(const shard_host_top_k_part *call, size_t begin, size_t end) {
  shard_host_level_in_use()->top_k(call, begin, end);
}
