// SPDX-License-Identifier: Apache-2.0
// gemm/repack: puts rows of quantised blocks, as a file has them, into the panels that products read (common/blocks).
// source  rows x blocks of BYTES each  source[(r * blocks + b) * BYTES]
// panels  from panels_offset on: record b of panel p at (p * blocks + b) * PANEL_BYTES * WIDTH; rows past the last are
//         zeros
// Work-item (b, p) makes one record. Any work-group size. Global size (blocks or more, ceil(rows / WIDTH)).
// Prepend common/elements, common/blocks, common/repack.
// gpu: -DFORMAT=* -DLANE_BYTES=4
#ifndef WIDTH
#define WIDTH 32 // rows of a panel
#endif
#ifndef LANE_BYTES
#define LANE_BYTES 1 // 1 for CPUs, 4 for GPUs
#endif

__kernel void gemm_repack(int rows, int blocks, __global const uchar *restrict source, __global uchar *restrict panels,
                          long panels_offset) {
  const long block = get_global_id(0), panel = get_global_id(1), first = panel * WIDTH;
  if (block >= blocks || first >= rows) return;
  NAME(repack_)(source + (first * blocks + block) * BYTES, (long)blocks * BYTES, (int)min((long)WIDTH, rows - first),
                WIDTH, LANE_BYTES, panels + panels_offset + (panel * blocks + block) * PANEL_BYTES * WIDTH);
}
