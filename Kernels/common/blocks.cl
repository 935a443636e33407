// SPDX-License-Identifier: Apache-2.0
// common/blocks: GGML's quantised formats, as files have them and as panels do. OpenCL C and C: the CPU fallback
// includes this file too, once for each format.
//
// A *block* of LENGTH columns of a row takes BYTES in a file. It has groups of GROUP columns, w = scale * q + offset:
//   scale   d of the block (half); in the K formats d * s, s a whole number for each group
//   offset  m of the block (half) in Q4_1 and Q5_1; -(dmin * s') in Q4_K and Q5_K; else none
//   q       LOW bits and HIGH more, less BIAS; in IQ4_NL the number of an entry of a table
// In panels of WIDTH rows, block b of panel p is a record of PANEL_BYTES * WIDTH bytes, number p * blocks + b. Its
// planes follow each other; the plane that begins at byte AT of a row's share, made of units of U bytes, has byte t
// of row r at AT * WIDTH + (t / U * WIDTH + r) * U + t % U, so that rows lie side by side:
//   d        2 bytes, U = 2
//   m        2 bytes, U = 2: m or dmin, where there are offsets
//   scales   GROUPS bytes, U = 1, K formats: s; signed in Q6_K
//   offsets  GROUPS bytes, U = 1, Q4_K and Q5_K: s'
//   high     4 bytes a group, U = 4: HIGH bits of each column, the first column in the lowest bits
//   low      LOW bits of each column, the first in the lowest bits, U = LANE_BYTES: 1 on CPUs, 4 on GPUs
//
// The order of a sum, the same on every device: in each group one chain s = fma(x, q, s) from +0 over ascending k; then
// sum = fma(scale, s, sum), and where there are offsets sum = fma(offset, t, sum) with t the chain t = t + x from +0
// over the group (gemm/group_sums). Sums go on from group to group inside a leaf (common/leaves), whose borders are
// those of blocks. A group, not a column, pays for scale and offset.
#ifndef FORMAT
#define FORMAT Q8_0 // Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, Q4_K, Q5_K, Q6_K
#endif
#define FIELD(NAME) JOIN_WORDS(NAME##_, FORMAT)
#define LENGTH FIELD(LENGTH)
#define BYTES FIELD(BYTES)
#define GROUP FIELD(GROUP)
#define LOW FIELD(LOW)
#define HIGH FIELD(HIGH)
#define BIAS FIELD(BIAS)
#define OFFSETS FIELD(OFFSETS) // whether there are offsets
#define NESTED FIELD(NESTED) // whether scales (and offsets) are whole numbers of groups times those of the block
#define GROUPS (LENGTH / GROUP)
#define M_AT 2
#define SCALES_AT (M_AT + 2 * OFFSETS)
#define OFFSETS_AT (SCALES_AT + GROUPS * NESTED)
#define HIGH_AT (OFFSETS_AT + GROUPS * NESTED * OFFSETS)
#define LOW_AT (HIGH_AT + (HIGH ? 4 * GROUPS : 0))
#define PANEL_BYTES (LOW_AT + LENGTH * LOW / 8)

#define LENGTH_Q8_0 32
#define BYTES_Q8_0 34
#define GROUP_Q8_0 32
#define LOW_Q8_0 8
#define HIGH_Q8_0 0
#define BIAS_Q8_0 0 // q is signed
#define OFFSETS_Q8_0 0
#define NESTED_Q8_0 0

#define LENGTH_Q4_0 32
#define BYTES_Q4_0 18
#define GROUP_Q4_0 32
#define LOW_Q4_0 4
#define HIGH_Q4_0 0
#define BIAS_Q4_0 8
#define OFFSETS_Q4_0 0
#define NESTED_Q4_0 0

#define LENGTH_Q4_1 32
#define BYTES_Q4_1 20
#define GROUP_Q4_1 32
#define LOW_Q4_1 4
#define HIGH_Q4_1 0
#define BIAS_Q4_1 0
#define OFFSETS_Q4_1 1
#define NESTED_Q4_1 0

#define LENGTH_Q5_0 32
#define BYTES_Q5_0 22
#define GROUP_Q5_0 32
#define LOW_Q5_0 4
#define HIGH_Q5_0 1
#define BIAS_Q5_0 16
#define OFFSETS_Q5_0 0
#define NESTED_Q5_0 0

#define LENGTH_Q5_1 32
#define BYTES_Q5_1 24
#define GROUP_Q5_1 32
#define LOW_Q5_1 4
#define HIGH_Q5_1 1
#define BIAS_Q5_1 0
#define OFFSETS_Q5_1 1
#define NESTED_Q5_1 0

#define LENGTH_IQ4_NL 32
#define BYTES_IQ4_NL 18
#define GROUP_IQ4_NL 32
#define LOW_IQ4_NL 4
#define HIGH_IQ4_NL 0
#define BIAS_IQ4_NL 0
#define OFFSETS_IQ4_NL 0
#define NESTED_IQ4_NL 0

#define LENGTH_Q4_K 256
#define BYTES_Q4_K 144
#define GROUP_Q4_K 32
#define LOW_Q4_K 4
#define HIGH_Q4_K 0
#define BIAS_Q4_K 0
#define OFFSETS_Q4_K 1
#define NESTED_Q4_K 1

#define LENGTH_Q5_K 256
#define BYTES_Q5_K 176
#define GROUP_Q5_K 32
#define LOW_Q5_K 4
#define HIGH_Q5_K 1
#define BIAS_Q5_K 0
#define OFFSETS_Q5_K 1
#define NESTED_Q5_K 1

#define LENGTH_Q6_K 256
#define BYTES_Q6_K 210
#define GROUP_Q6_K 16
#define LOW_Q6_K 4
#define HIGH_Q6_K 2
#define BIAS_Q6_K 32
#define OFFSETS_Q6_K 0
#define NESTED_Q6_K 1

#define FORMAT_Q8_0 1 // lets #if compare formats: an unknown one is 0
#define FORMAT_Q4_0 2
#define FORMAT_Q4_1 3
#define FORMAT_Q5_0 4
#define FORMAT_Q5_1 5
#define FORMAT_IQ4_NL 6
#define FORMAT_Q4_K 7
#define FORMAT_Q5_K 8
#define FORMAT_Q6_K 9
#define FORMAT_IS(NAME) (FIELD(FORMAT) == FORMAT_##NAME)
