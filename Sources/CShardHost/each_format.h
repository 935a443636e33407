// SPDX-License-Identifier: Apache-2.0
// Includes EACH_FORMAT, the name of a file, once for each quantised format, as FORMAT.
#define FORMAT Q8_0
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q4_0
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q4_1
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q5_0
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q5_1
#include EACH_FORMAT
#undef FORMAT
#define FORMAT IQ4_NL
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q4_K
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q5_K
#include EACH_FORMAT
#undef FORMAT
#define FORMAT Q6_K
#include EACH_FORMAT
#undef FORMAT
#undef EACH_FORMAT
