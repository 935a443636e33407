// SPDX-License-Identifier: Apache-2.0
// x86-64 with AVX-512: 32 registers of 16 floats.
#if defined(__x86_64__)
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL shard_host_level_v4
#define LEVEL_NAME "x86-64-v4"
#define LANES 16
#define HAS_FMA 1
#define HAS_F16 1
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define VECTOR_REGISTERS 32
#define VECTOR_ROWS 8
#define JUDGE_ROWS 6
#include "level.h"
#pragma clang attribute pop
#endif
