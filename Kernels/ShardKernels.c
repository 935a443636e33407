// SPDX-License-Identifier: Apache-2.0
#include "ShardKernels.h"

const shard_kernel_source shard_kernel_sources[] = {{"", "", 0}};
const size_t shard_kernel_source_count = 0;
