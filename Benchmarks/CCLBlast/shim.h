// SPDX-License-Identifier: Apache-2.0
#pragma once
#define CL_TARGET_OPENCL_VERSION 120
#include <clblast_c.h>

// Here and not in Swift: a module that imports OpenCL 3.0's headers into the same program marks the call as deprecated
// there, but its successor is missing on drivers of OpenCL 1.2.
static inline cl_command_queue benchmark_queue(cl_context context, cl_device_id device, cl_int *status) {
  return clCreateCommandQueue(context, device, 0, status);
}
