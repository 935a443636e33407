// SPDX-License-Identifier: Apache-2.0
#include "ShardKernels.h"

static const char common_elements[] = {
#embed "common/elements.cl"
    , 0};
static const char common_leaves[] = {
#embed "common/leaves.cl"
    , 0};
static const char common_tiles[] = {
#embed "common/tiles.cl"
    , 0};
static const char bench_fma_peak[] = {
#embed "bench/fma_peak.cl"
    , 0};
static const char bench_read_bandwidth[] = {
#embed "bench/read_bandwidth.cl"
    , 0};
static const char gemm_pack[] = {
#embed "gemm/pack.cl"
    , 0};
static const char gemm_packed[] = {
#embed "gemm/packed.cl"
    , 0};
static const char gemm_tiled[] = {
#embed "gemm/tiled.cl"
    , 0};
static const char gemv_lanes[] = {
#embed "gemv/lanes.cl"
    , 0};
static const char gemv_panels[] = {
#embed "gemv/panels.cl"
    , 0};

#define SOURCE(name, text) {name, text, sizeof text - 1}
const shard_kernel_source shard_kernel_sources[] = {
    SOURCE("common/elements", common_elements),
    SOURCE("common/leaves", common_leaves),
    SOURCE("common/tiles", common_tiles),
    SOURCE("bench/fma_peak", bench_fma_peak),
    SOURCE("bench/read_bandwidth", bench_read_bandwidth),
    SOURCE("gemm/pack", gemm_pack),
    SOURCE("gemm/packed", gemm_packed),
    SOURCE("gemm/tiled", gemm_tiled),
    SOURCE("gemv/lanes", gemv_lanes),
    SOURCE("gemv/panels", gemv_panels),
};
const size_t shard_kernel_source_count = sizeof shard_kernel_sources / sizeof *shard_kernel_sources;
