// SPDX-License-Identifier: Apache-2.0
#include "ShardKernels.h"

// One array a file, ended by a zero so that it is a C string.
#define TEXT(name) static const char name[] =
// clang-format off
TEXT(common_attention) {
#embed "common/attention.cl" suffix(, 0)
};
TEXT(common_attention_append) {
#embed "common/attention_append.cl" suffix(, 0)
};
TEXT(common_attention_call) {
#embed "common/attention_call.cl" suffix(, 0)
};
TEXT(common_attention_join) {
#embed "common/attention_join.cl" suffix(, 0)
};
TEXT(common_attention_kv) {
#embed "common/attention_kv.cl" suffix(, 0)
};
TEXT(common_attention_tiles) {
#embed "common/attention_tiles.cl" suffix(, 0)
};
TEXT(common_batch) {
#embed "common/batch.cl" suffix(, 0)
};
TEXT(common_block_lanes) {
#embed "common/block_lanes.cl" suffix(, 0)
};
TEXT(common_block_vectors) {
#embed "common/block_vectors.cl" suffix(, 0)
};
TEXT(common_blocks) {
#embed "common/blocks.cl" suffix(, 0)
};
TEXT(common_elements) {
#embed "common/elements.cl" suffix(, 0)
};
TEXT(common_epilogue) {
#embed "common/epilogue.cl" suffix(, 0)
};
TEXT(common_functions) {
#embed "common/functions.cl" suffix(, 0)
};
TEXT(common_leaves) {
#embed "common/leaves.cl" suffix(, 0)
};
TEXT(common_log_sums) {
#embed "common/log_sums.cl" suffix(, 0)
};
TEXT(common_logits) {
#embed "common/logits.cl" suffix(, 0)
};
TEXT(common_look_up) {
#embed "common/look_up.cl" suffix(, 0)
};
TEXT(common_norm) {
#embed "common/norm.cl" suffix(, 0)
};
TEXT(common_repack) {
#embed "common/repack.cl" suffix(, 0)
};
TEXT(common_rotary) {
#embed "common/rotary.cl" suffix(, 0)
};
TEXT(common_rows) {
#embed "common/rows.cl" suffix(, 0)
};
TEXT(common_shared_tiles) {
#embed "common/shared_tiles.cl" suffix(, 0)
};
TEXT(common_softmax) {
#embed "common/softmax.cl" suffix(, 0)
};
TEXT(common_tiles) {
#embed "common/tiles.cl" suffix(, 0)
};
TEXT(common_top_k) {
#embed "common/top_k.cl" suffix(, 0)
};
TEXT(bench_copy_bandwidth) {
#embed "bench/copy_bandwidth.cl" suffix(, 0)
};
TEXT(common_vectors) {
#embed "common/vectors.cl" suffix(, 0)
};
TEXT(attention_append) {
#embed "attention/append.cl" suffix(, 0)
};
TEXT(attention_join) {
#embed "attention/join.cl" suffix(, 0)
};
TEXT(attention_lanes) {
#embed "attention/lanes.cl" suffix(, 0)
};
TEXT(attention_panels) {
#embed "attention/panels.cl" suffix(, 0)
};
TEXT(bench_fma_peak) {
#embed "bench/fma_peak.cl" suffix(, 0)
};
TEXT(bench_read_bandwidth) {
#embed "bench/read_bandwidth.cl" suffix(, 0)
};
TEXT(collectives_reduce) {
#embed "collectives/reduce.cl" suffix(, 0)
};
TEXT(elementwise_activate) {
#embed "elementwise/activate.cl" suffix(, 0)
};
TEXT(elementwise_add_bias) {
#embed "elementwise/add_bias.cl" suffix(, 0)
};
TEXT(embedding_rows) {
#embed "embedding/rows.cl" suffix(, 0)
};
TEXT(gemm_block_tiles) {
#embed "gemm/block_tiles.cl" suffix(, 0)
};
TEXT(gemm_blocks) {
#embed "gemm/blocks.cl" suffix(, 0)
};
TEXT(gemm_dots) {
#embed "gemm/dots.cl" suffix(, 0)
};
TEXT(gemm_group_sums) {
#embed "gemm/group_sums.cl" suffix(, 0)
};
TEXT(gemm_halves) {
#embed "gemm/halves.cl" suffix(, 0)
};
TEXT(gemm_join) {
#embed "gemm/join.cl" suffix(, 0)
};
TEXT(gemm_mma) {
#embed "gemm/mma.cl" suffix(, 0)
};
TEXT(gemm_pack) {
#embed "gemm/pack.cl" suffix(, 0)
};
TEXT(gemm_pack_pairs) {
#embed "gemm/pack_pairs.cl" suffix(, 0)
};
TEXT(gemm_packed) {
#embed "gemm/packed.cl" suffix(, 0)
};
TEXT(gemm_quantise) {
#embed "gemm/quantise.cl" suffix(, 0)
};
TEXT(gemm_repack) {
#embed "gemm/repack.cl" suffix(, 0)
};
TEXT(gemm_row_scales) {
#embed "gemm/row_scales.cl" suffix(, 0)
};
TEXT(gemm_tiled) {
#embed "gemm/tiled.cl" suffix(, 0)
};
TEXT(gemv_block_lanes) {
#embed "gemv/block_lanes.cl" suffix(, 0)
};
TEXT(gemv_blocks) {
#embed "gemv/blocks.cl" suffix(, 0)
};
TEXT(gemv_lanes) {
#embed "gemv/lanes.cl" suffix(, 0)
};
TEXT(gemv_panels) {
#embed "gemv/panels.cl" suffix(, 0)
};
TEXT(gemv_subgroups) {
#embed "gemv/subgroups.cl" suffix(, 0)
};
TEXT(logits_leaves) {
#embed "logits/leaves.cl" suffix(, 0)
};
TEXT(logits_log_sums) {
#embed "logits/log_sums.cl" suffix(, 0)
};
TEXT(logits_top_k) {
#embed "logits/top_k.cl" suffix(, 0)
};
TEXT(logits_top_k_tiles) {
#embed "logits/top_k_tiles.cl" suffix(, 0)
};
TEXT(norm_rows) {
#embed "norm/rows.cl" suffix(, 0)
};
TEXT(rotary_rows) {
#embed "rotary/rows.cl" suffix(, 0)
};
TEXT(softmax_rows) {
#embed "softmax/rows.cl" suffix(, 0)
};
TEXT(tuning_amd_epyc_intel_runtime) {
#embed "tuning/amd_epyc_intel_runtime.json" suffix(, 0)
};

#define SOURCE(name, text) {name, text, sizeof text - 1}
const shard_kernel_source shard_kernel_sources[] = {
  SOURCE("common/attention", common_attention),
  SOURCE("common/attention_append", common_attention_append),
  SOURCE("common/attention_call", common_attention_call),
  SOURCE("common/attention_join", common_attention_join),
  SOURCE("common/attention_kv", common_attention_kv),
  SOURCE("common/attention_tiles", common_attention_tiles),
  SOURCE("common/batch", common_batch),
  SOURCE("common/block_lanes", common_block_lanes),
  SOURCE("common/block_vectors", common_block_vectors),
  SOURCE("common/blocks", common_blocks),
  SOURCE("common/elements", common_elements),
  SOURCE("common/epilogue", common_epilogue),
  SOURCE("common/functions", common_functions),
  SOURCE("common/leaves", common_leaves),
  SOURCE("common/log_sums", common_log_sums),
  SOURCE("common/logits", common_logits),
  SOURCE("common/look_up", common_look_up),
  SOURCE("common/norm", common_norm),
  SOURCE("common/repack", common_repack),
  SOURCE("common/rotary", common_rotary),
  SOURCE("common/rows", common_rows),
  SOURCE("common/shared_tiles", common_shared_tiles),
  SOURCE("common/softmax", common_softmax),
  SOURCE("common/tiles", common_tiles),
  SOURCE("common/top_k", common_top_k),
  SOURCE("common/vectors", common_vectors),
  SOURCE("attention/append", attention_append),
  SOURCE("attention/join", attention_join),
  SOURCE("attention/lanes", attention_lanes),
  SOURCE("attention/panels", attention_panels),
  SOURCE("bench/copy_bandwidth", bench_copy_bandwidth),
  SOURCE("bench/fma_peak", bench_fma_peak),
  SOURCE("bench/read_bandwidth", bench_read_bandwidth),
  SOURCE("collectives/reduce", collectives_reduce),
  SOURCE("elementwise/activate", elementwise_activate),
  SOURCE("elementwise/add_bias", elementwise_add_bias),
  SOURCE("embedding/rows", embedding_rows),
  SOURCE("gemm/block_tiles", gemm_block_tiles),
  SOURCE("gemm/blocks", gemm_blocks),
  SOURCE("gemm/dots", gemm_dots),
  SOURCE("gemm/group_sums", gemm_group_sums),
  SOURCE("gemm/halves", gemm_halves),
  SOURCE("gemm/join", gemm_join),
  SOURCE("gemm/mma", gemm_mma),
  SOURCE("gemm/pack", gemm_pack),
  SOURCE("gemm/pack_pairs", gemm_pack_pairs),
  SOURCE("gemm/packed", gemm_packed),
  SOURCE("gemm/quantise", gemm_quantise),
  SOURCE("gemm/repack", gemm_repack),
  SOURCE("gemm/row_scales", gemm_row_scales),
  SOURCE("gemm/tiled", gemm_tiled),
  SOURCE("gemv/block_lanes", gemv_block_lanes),
  SOURCE("gemv/blocks", gemv_blocks),
  SOURCE("gemv/lanes", gemv_lanes),
  SOURCE("gemv/panels", gemv_panels),
  SOURCE("gemv/subgroups", gemv_subgroups),
  SOURCE("logits/leaves", logits_leaves),
  SOURCE("logits/log_sums", logits_log_sums),
  SOURCE("logits/top_k", logits_top_k),
  SOURCE("logits/top_k_tiles", logits_top_k_tiles),
  SOURCE("norm/rows", norm_rows),
  SOURCE("rotary/rows", rotary_rows),
  SOURCE("softmax/rows", softmax_rows),
  SOURCE("tuning/amd_epyc_intel_runtime", tuning_amd_epyc_intel_runtime),
};
const size_t shard_kernel_source_count = sizeof shard_kernel_sources / sizeof shard_kernel_sources[0];
