// SPDX-License-Identifier: Apache-2.0
// common/vectors: the vectors of CPU devices, for common/functions too, which comes after this.
#ifndef VECTOR
#define VECTOR 16 // floats of a vector register: 4, 8, 16
#endif
#ifndef FUNCTION_LANES
#define FUNCTION_LANES VECTOR
#endif
