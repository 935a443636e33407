// SPDX-License-Identifier: Apache-2.0
#include "ShardKernels.h"

// One array a file, ended by a zero so that it is a C string.
#define TEXT(name) static const char name[] =
// clang-format off
TEXT(common_elements) {
#embed "common/elements.cl" suffix(, 0)
};
TEXT(common_leaves) {
#embed "common/leaves.cl" suffix(, 0)
};
TEXT(common_tiles) {
#embed "common/tiles.cl" suffix(, 0)
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
TEXT(elementwise_add_bias) {
#embed "elementwise/add_bias.cl" suffix(, 0)
};
TEXT(gemm_pack) {
#embed "gemm/pack.cl" suffix(, 0)
};
TEXT(gemm_packed) {
#embed "gemm/packed.cl" suffix(, 0)
};
TEXT(gemm_tiled) {
#embed "gemm/tiled.cl" suffix(, 0)
};
TEXT(gemv_lanes) {
#embed "gemv/lanes.cl" suffix(, 0)
};
TEXT(gemv_panels) {
#embed "gemv/panels.cl" suffix(, 0)
};

#define SOURCE(name, text) {name, text, sizeof text - 1}
const shard_kernel_source shard_kernel_sources[] = {
  SOURCE("common/elements", common_elements),
  SOURCE("common/leaves", common_leaves),
  SOURCE("common/tiles", common_tiles),
  SOURCE("bench/fma_peak", bench_fma_peak),
  SOURCE("bench/read_bandwidth", bench_read_bandwidth),
  SOURCE("collectives/reduce", collectives_reduce),
  SOURCE("elementwise/add_bias", elementwise_add_bias),
  SOURCE("gemm/pack", gemm_pack),
  SOURCE("gemm/packed", gemm_packed),
  SOURCE("gemm/tiled", gemm_tiled),
  SOURCE("gemv/lanes", gemv_lanes),
  SOURCE("gemv/panels", gemv_panels),
};
const size_t shard_kernel_source_count = sizeof shard_kernel_sources / sizeof shard_kernel_sources[0];
