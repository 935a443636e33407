// SPDX-License-Identifier: Apache-2.0
// x86-64 with AVX2, FMA and F16C: 16 registers of 8 floats.
#if defined(__x86_64__)
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL shard_host_level_v3
#define LEVEL_NAME "x86-64-v3"
#define LANES 8
#define HAS_FMA 1
#define HAS_F16 1
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define VECTOR_REGISTERS 16
#define VECTOR_ROWS 6
#define JUDGE_ROWS 2
#include "level.h"
#pragma clang attribute pop
#endif
