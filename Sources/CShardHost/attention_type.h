// SPDX-License-Identifier: Apache-2.0
// The parts of attention.h for one KV_TYPE, whose macros it ends.
#define TASK_SUFFIX KV_TYPE
#include "../../Kernels/common/attention_append.cl"
#undef TASK_SUFFIX

#define TASK_SUFFIX JOIN_WORDS(KV_TYPE, _many)
#define ROWS TILE_ROWS
#include "../../Kernels/common/attention_tiles.cl"
#undef ROWS
#undef TASK_SUFFIX

#define TASK_SUFFIX JOIN_WORDS(KV_TYPE, _few)
#define ROWS FEW_ROWS
#include "../../Kernels/common/attention_tiles.cl"
#undef ROWS
#undef TASK_SUFFIX

#undef KV_TYPE
#undef KV_STORAGE
#undef KV_FLOATS
#undef KV_STORE
