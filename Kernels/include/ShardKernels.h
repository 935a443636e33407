// SPDX-License-Identifier: Apache-2.0
// The text of every kernel, embedded at compile time. Look one up by its name, such as "gemm/packed".
#pragma once
#include <stddef.h>

typedef struct {
  const char *name;
  const char *text;
  size_t length;
} shard_kernel_source;

extern const shard_kernel_source shard_kernel_sources[];
extern const size_t shard_kernel_source_count;

// Swift sees functions, not arrays without a length.
static inline shard_kernel_source shard_kernel_source_at(size_t index) { return shard_kernel_sources[index]; }
