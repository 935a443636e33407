// SPDX-License-Identifier: Apache-2.0
// The body of a level: its file defines LEVEL, LEVEL_NAME and what the parts below ask for, then includes this.
#pragma once
#include "attention.h"
#include "functions.h"
#include "levels.h"
#include "logits.h"
#include "panels.h"
#include "peaks.h"
#include "products.h"
#include "reductions.h"
#include "reference.h"
#include "vector_products.h"

const shard_host_functions LEVEL = {
    .name = LEVEL_NAME,
    .panel_rows = TILE_ROWS,
    .panel_columns = TILE_COLUMNS,
    .gemm_scratch_bytes = gemm_scratch_bytes,
    .reference_scratch_bytes = reference_scratch_bytes,
    .pack = pack,
    .pack_blocks = pack_blocks,
    .group_sums = group_sums,
    .gemm = gemm,
    .gemv = gemv,
    .reduce = reduce,
    .add_bias = add_bias,
    .apply = apply,
    .divide = divide,
    .norm_rows = norm_rows,
    .softmax_rows = softmax_rows,
    .rotate_rows = rotate_rows,
    .activate = activate,
    .look_up_rows = look_up_rows,
    .leaf_nodes = leaf_nodes,
    .log_of_nodes = log_of_nodes,
    .top_k = top_k,
    .reference = reference,
    .error_over_bound = error_over_bound,
    .attention_rows = attention_rows,
    .attention_work_floats = attention_work_floats,
    .attend = attend,
    .attention_join = attention_join,
    .append_token = append_token,
    .rotate_query = rotate_query,
    .fma_peak = fma_peak,
    .read = read_all,
};
