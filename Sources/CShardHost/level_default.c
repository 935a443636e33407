// SPDX-License-Identifier: Apache-2.0
// What every CPU of the architecture has: on arm64 NEON, 32 registers of 4 floats; on x86-64 SSE2, without fma.
#define LEVEL shard_host_level_default
#define LEVEL_NAME "default"
#define LANES 4
#if defined(__aarch64__)
#define HAS_FMA 1
#define HAS_F16 1
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define VECTOR_REGISTERS 32
#define VECTOR_ROWS 8
#define JUDGE_ROWS 4
#else
#define HAS_FMA 0
#define HAS_F16 0
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define VECTOR_REGISTERS 16
#define VECTOR_ROWS 4
#define JUDGE_ROWS 2
#endif
#include "level.h"
