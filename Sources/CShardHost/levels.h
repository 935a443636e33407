// SPDX-License-Identifier: Apache-2.0
// All inner loops, compiled once for each instruction set; shard_host_* calls go through the table of the best one.
#pragma once
#include "CShardHost.h"

typedef struct {
  const char *name;
  size_t panel_rows, panel_columns;
  size_t (*gemm_scratch_bytes)(shard_host_block);
  size_t (*reference_scratch_bytes)(void);
  void (*pack)(const shard_host_matrix *, size_t, shard_host_type, void *, size_t, size_t);
  void (*pack_blocks)(shard_host_format, const void *, size_t, size_t, void *, size_t, size_t);
  void (*group_sums)(const shard_host_matrix *, size_t, size_t, float *, size_t, size_t);
  void (*gemm)(const shard_host_product *, const float *, size_t, size_t, size_t, size_t, void *);
  void (*gemv)(const shard_host_product *, const float *, size_t, size_t, size_t);
  void (*reduce)(shard_host_operation, shard_host_type, const void *const *, size_t, const uint8_t *, size_t, void *,
                 size_t, size_t);
  void (*add_bias)(float *, size_t, const float *, size_t, size_t);
  void (*apply)(shard_host_function, const float *, float *, size_t);
  void (*divide)(const float *, const float *, float *, size_t);
  void (*norm_rows)(const shard_host_norm *, size_t, size_t);
  void (*softmax_rows)(const shard_host_softmax *, size_t, size_t);
  void (*rotate_rows)(const shard_host_rotation *, size_t, size_t);
  void (*activate)(const shard_host_activation *, size_t, size_t, size_t, size_t);
  void (*look_up_rows)(const shard_host_look_up *, size_t, size_t);
  void (*leaf_nodes)(const shard_host_leaves *, size_t, size_t);
  float (*log_of_nodes)(const float *, size_t);
  void (*top_k)(const shard_host_top_k_part *, size_t, size_t);
  void (*reference)(const shard_host_matrix *, const shard_host_matrix *, size_t, size_t, double *, double *, void *);
  double (*error_over_bound)(const float *, size_t, const double *, const double *, size_t, size_t, size_t);
  int (*attention_rows)(bool);
  size_t (*attention_work_floats)(const shard_host_attention *, bool, int, int);
  void (*attend)(const shard_host_attention *, shard_host_kv, bool, const int32_t *, int, float *);
  void (*attention_join)(const shard_host_attention *, const int32_t *, int);
  void (*append_token)(const shard_host_append *, shard_host_kv, int, int);
  void (*rotate_query)(const shard_host_append *, float *, int);
  double (*fma_peak)(size_t, float *);
  uint64_t (*read)(const void *, size_t);
} shard_host_functions;

// The best that the CPU has, or what SHARDCL_HOST_LEVEL asks for.
const shard_host_functions *shard_host_level_in_use(void);
extern const shard_host_functions shard_host_level_default, shard_host_level_v3, shard_host_level_v4;
