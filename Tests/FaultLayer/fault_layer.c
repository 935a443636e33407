// SPDX-License-Identifier: Apache-2.0
// A layer of the OpenCL loader for tests: it counts what a program calls and creates, and makes one call fail or be late.
//
// OPENCL_LAYERS=libfault_layer.so loads it into any program. Environment variables:
//   FAULT_CALL       the entry point to disturb, such as clCreateBuffer
//   FAULT_NTH        which of its calls, from 1 (default 1)
//   FAULT_LASTING    1: all calls from that one on
//   FAULT_QUEUE      only calls on this queue, counted from 0 in the order of creation: a queue is a rank
//   FAULT_STATUS     the status that it returns (default CL_OUT_OF_RESOURCES)
//   FAULT_DELAY_MS   instead of failing, an enqueued command begins that much later; -1: never
//   FAULT_MAX_ALLOC  what devices report as their largest allocation
//   FAULT_REPORT     a file for the counts, written when the process ends: "calls NAME QUEUE N" (QUEUE -1: none),
//                    "created KIND N", "live KIND N", "argument-races N", "struck N"
#define _POSIX_C_SOURCE 200809L
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRIES(X)                                                                                                     \
  X(clBuildProgram) X(clCreateBuffer) X(clCreateCommandQueue) X(clCreateCommandQueueWithProperties)                    \
  X(clCreateContext) X(clCreateKernel) X(clCreateProgramWithBinary) X(clCreateProgramWithSource) X(clCreateSubBuffer)  \
  X(clCreateSubDevices) X(clEnqueueBarrierWithWaitList) X(clEnqueueCopyBuffer) X(clEnqueueCopyBufferRect)              \
  X(clEnqueueFillBuffer) X(clEnqueueMapBuffer) X(clEnqueueMarkerWithWaitList) X(clEnqueueNDRangeKernel)                \
  X(clEnqueueReadBuffer) X(clEnqueueUnmapMemObject) X(clEnqueueWriteBuffer) X(clFinish) X(clFlush) X(clGetDeviceIDs)   \
  X(clGetDeviceInfo) X(clGetEventInfo) X(clGetKernelWorkGroupInfo) X(clGetPlatformIDs) X(clGetPlatformInfo)            \
  X(clGetProgramBuildInfo) X(clGetProgramInfo) X(clSetKernelArg) X(clWaitForEvents)
#define NAME(entry) ENTRY_##entry,
enum Entry { ENTRIES(NAME) ENTRY_COUNT };
#undef NAME
#define NAME(entry) #entry,
static const char *const entry_names[] = {ENTRIES(NAME)};
#undef NAME

enum Kind { MEM, EVENT, QUEUE, CONTEXT, PROGRAM, KERNEL, SUBDEVICE, KIND_COUNT };
static const char *const kind_names[] = {"mem", "event", "queue", "context", "program", "kernel", "subdevice"};

enum { MAX_QUEUES = 64, MAX_KERNELS = 1024 };

static const cl_icd_dispatch *next;
static cl_icd_dispatch table;

static struct {
  enum Entry entry;
  long nth, queue, delay_ms;
  cl_int status;
  int lasting;
  size_t max_alloc;
  const char *report;
} fault = {.entry = ENTRY_COUNT, .nth = 1, .queue = -1, .status = CL_OUT_OF_RESOURCES};

static atomic_long calls[ENTRY_COUNT][MAX_QUEUES + 1];
static atomic_long created[KIND_COUNT], live[KIND_COUNT];
static atomic_long matched, struck, argument_races;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cl_command_queue queues[MAX_QUEUES];
static int queue_count;
// Kernels between their first argument and their launch, and the threads that set these.
static struct { cl_kernel kernel; pthread_t owner; } setting[MAX_KERNELS];

static void made(enum Kind kind, long count) {
  created[kind] += count;
  live[kind] += count;
}

// The position of a queue that lives; addresses are used again, so the newest counts.
static int index_of(cl_command_queue queue) {
  pthread_mutex_lock(&lock);
  int index = queue_count - 1;
  while (index >= 0 && queues[index] != queue) index--;
  pthread_mutex_unlock(&lock);
  return index;
}

static void add_queue(cl_command_queue queue) {
  pthread_mutex_lock(&lock);
  if (queue && queue_count < MAX_QUEUES) queues[queue_count++] = queue;
  pthread_mutex_unlock(&lock);
  if (queue) made(QUEUE, 1);
}

// Counts a call; true where it is the one to disturb.
static int strikes(enum Entry entry, int queue) {
  calls[entry][queue < 0 ? MAX_QUEUES : queue]++;
  if (entry != fault.entry || (fault.queue >= 0 && fault.queue != queue)) return 0;
  long number = ++matched;
  if (number != fault.nth && !(fault.lasting && number > fault.nth)) return 0;
  struck++;
  return 1;
}

#define RETURN_STATUS(entry, call)                                                                                     \
  if (strikes(ENTRY_##entry, -1)) return fault.status;                                                                 \
  return next->entry call
#define FAIL_OBJECT(entry)                                                                                             \
  if (strikes(ENTRY_##entry, -1)) {                                                                                    \
    if (code) *code = fault.status;                                                                                    \
    return NULL;                                                                                                       \
  }

static void *complete_later(void *gate) {
  struct timespec duration = {fault.delay_ms / 1000, fault.delay_ms % 1000 * 1000000};
  nanosleep(&duration, NULL);
  next->clSetUserEventStatus(gate, CL_COMPLETE);
  next->clReleaseEvent(gate);
  return NULL;
}

// An event that ends late, or never.
static cl_event late_event(cl_command_queue queue) {
  cl_context context;
  if (next->clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL) != CL_SUCCESS) return NULL;
  cl_event gate = next->clCreateUserEvent(context, NULL);
  pthread_t thread;
  if (gate && fault.delay_ms > 0 && pthread_create(&thread, NULL, complete_later, gate) == 0) pthread_detach(thread);
  return gate;
}

// What every enqueue call does: it fails, or gets one more event to wait for, or neither. `call` uses `count`, `list`,
// `made_event`.
#define ENQUEUE(entry, fails, call)                                                                                    \
  cl_event gated[65];                                                                                                  \
  if (strikes(ENTRY_##entry, index_of(queue))) {                                                                       \
    if (!fault.delay_ms || count > 64) { fails; }                                                                      \
    for (cl_uint i = 0; i < count; i++) gated[i] = list[i];                                                            \
    cl_event gate = late_event(queue);                                                                                 \
    if (gate) { gated[count++] = gate; list = gated; }                                                                 \
  }                                                                                                                    \
  call;                                                                                                                \
  if (made_event && *made_event) made(EVENT, 1)
#define ENQUEUE_STATUS(entry, ...)                                                                                     \
  ENQUEUE(entry, return fault.status,                                                                                  \
          if (made_event) *made_event = NULL; cl_int code = next->entry(__VA_ARGS__, count, list, made_event));        \
  return code
#define WAITS cl_uint count, const cl_event *list, cl_event *made_event

static cl_int CL_API_CALL enqueueBarrier(cl_command_queue queue, WAITS) {
  ENQUEUE_STATUS(clEnqueueBarrierWithWaitList, queue);
}
static cl_int CL_API_CALL enqueueMarker(cl_command_queue queue, WAITS) {
  ENQUEUE_STATUS(clEnqueueMarkerWithWaitList, queue);
}
static cl_int CL_API_CALL enqueueCopy(
    cl_command_queue queue, cl_mem from, cl_mem to, size_t start, size_t end, size_t size, WAITS) {
  ENQUEUE_STATUS(clEnqueueCopyBuffer, queue, from, to, start, end, size);
}
static cl_int CL_API_CALL enqueueCopyRect(
    cl_command_queue queue, cl_mem from, cl_mem to, const size_t *start, const size_t *end, const size_t *region,
    size_t row, size_t slice, size_t to_row, size_t to_slice, WAITS) {
  ENQUEUE_STATUS(clEnqueueCopyBufferRect, queue, from, to, start, end, region, row, slice, to_row, to_slice);
}
static cl_int CL_API_CALL enqueueFill(
    cl_command_queue queue, cl_mem memory, const void *pattern, size_t length, size_t start, size_t size, WAITS) {
  ENQUEUE_STATUS(clEnqueueFillBuffer, queue, memory, pattern, length, start, size);
}
static void *CL_API_CALL enqueueMap(
    cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t start, size_t size, WAITS,
    cl_int *code) {
  void *address;
  if (made_event) *made_event = NULL;
  ENQUEUE(clEnqueueMapBuffer, if (code) *code = fault.status; return NULL,
          address = next->clEnqueueMapBuffer(queue, memory, blocking, flags, start, size, count, list, made_event, code));
  return address;
}
static cl_int CL_API_CALL enqueueUnmap(cl_command_queue queue, cl_mem memory, void *address, WAITS) {
  ENQUEUE_STATUS(clEnqueueUnmapMemObject, queue, memory, address);
}
static cl_int CL_API_CALL enqueueRead(
    cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t start, size_t size, void *target, WAITS) {
  ENQUEUE_STATUS(clEnqueueReadBuffer, queue, memory, blocking, start, size, target);
}
static cl_int CL_API_CALL enqueueWrite(
    cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t start, size_t size, const void *source, WAITS) {
  ENQUEUE_STATUS(clEnqueueWriteBuffer, queue, memory, blocking, start, size, source);
}

// Finds the kernel's place, or a free one; -1 where all are taken.
static int place_of(cl_kernel kernel) {
  int free_place = -1;
  for (int i = 0; i < MAX_KERNELS; i++) {
    if (setting[i].kernel == kernel) return i;
    if (!setting[i].kernel && free_place < 0) free_place = i;
  }
  return free_place;
}

static cl_int CL_API_CALL setArgument(cl_kernel kernel, cl_uint index, size_t size, const void *value) {
  pthread_mutex_lock(&lock);
  int place = place_of(kernel);
  if (place >= 0) {
    if (setting[place].kernel && !pthread_equal(setting[place].owner, pthread_self())) argument_races++;
    setting[place].kernel = kernel;
    setting[place].owner = pthread_self();
  }
  pthread_mutex_unlock(&lock);
  if (strikes(ENTRY_clSetKernelArg, -1)) {
    pthread_mutex_lock(&lock);
    if (place >= 0) setting[place].kernel = NULL;
    pthread_mutex_unlock(&lock);
    return fault.status;
  }
  return next->clSetKernelArg(kernel, index, size, value);
}

static cl_int CL_API_CALL enqueueKernel(
    cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset, const size_t *global,
    const size_t *local, WAITS) {
  pthread_mutex_lock(&lock);
  int place = place_of(kernel);
  if (place >= 0) setting[place].kernel = NULL;
  pthread_mutex_unlock(&lock);
  ENQUEUE_STATUS(clEnqueueNDRangeKernel, queue, kernel, dimensions, offset, global, local);
}

static cl_int CL_API_CALL flush(cl_command_queue queue) {
  if (strikes(ENTRY_clFlush, index_of(queue))) return fault.status;
  return next->clFlush(queue);
}
static cl_int CL_API_CALL finish(cl_command_queue queue) {
  if (strikes(ENTRY_clFinish, index_of(queue))) return fault.status;
  return next->clFinish(queue);
}
static cl_int CL_API_CALL waitForEvents(cl_uint count, const cl_event *list) {
  cl_command_queue queue = NULL;
  if (count) next->clGetEventInfo(list[0], CL_EVENT_COMMAND_QUEUE, sizeof queue, &queue, NULL);
  if (strikes(ENTRY_clWaitForEvents, index_of(queue))) return fault.status;
  return next->clWaitForEvents(count, list);
}

static cl_mem CL_API_CALL createBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code) {
  FAIL_OBJECT(clCreateBuffer)
  cl_mem memory = next->clCreateBuffer(context, flags, size, host, code);
  if (memory) made(MEM, 1);
  return memory;
}
static cl_mem CL_API_CALL createSubBuffer(
    cl_mem memory, cl_mem_flags flags, cl_buffer_create_type type, const void *info, cl_int *code) {
  FAIL_OBJECT(clCreateSubBuffer)
  cl_mem part = next->clCreateSubBuffer(memory, flags, type, info, code);
  if (part) made(MEM, 1);
  return part;
}
static cl_command_queue CL_API_CALL createQueue(
    cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code) {
  FAIL_OBJECT(clCreateCommandQueue)
  cl_command_queue queue = next->clCreateCommandQueue(context, device, properties, code);
  add_queue(queue);
  return queue;
}
static cl_command_queue CL_API_CALL createQueueWithProperties(
    cl_context context, cl_device_id device, const cl_queue_properties *properties, cl_int *code) {
  FAIL_OBJECT(clCreateCommandQueueWithProperties)
  cl_command_queue queue = next->clCreateCommandQueueWithProperties(context, device, properties, code);
  add_queue(queue);
  return queue;
}
static cl_context CL_API_CALL createContext(
    const cl_context_properties *properties, cl_uint count, const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *code) {
  FAIL_OBJECT(clCreateContext)
  cl_context context = next->clCreateContext(properties, count, devices, notify, user, code);
  if (context) made(CONTEXT, 1);
  return context;
}
static cl_kernel CL_API_CALL createKernel(cl_program program, const char *name, cl_int *code) {
  FAIL_OBJECT(clCreateKernel)
  cl_kernel kernel = next->clCreateKernel(program, name, code);
  if (kernel) made(KERNEL, 1);
  return kernel;
}
static cl_program CL_API_CALL createFromSource(
    cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code) {
  FAIL_OBJECT(clCreateProgramWithSource)
  cl_program program = next->clCreateProgramWithSource(context, count, texts, lengths, code);
  if (program) made(PROGRAM, 1);
  return program;
}
static cl_program CL_API_CALL createFromBinary(
    cl_context context, cl_uint count, const cl_device_id *devices, const size_t *lengths, const unsigned char **binaries,
    cl_int *states, cl_int *code) {
  FAIL_OBJECT(clCreateProgramWithBinary)
  cl_program program = next->clCreateProgramWithBinary(context, count, devices, lengths, binaries, states, code);
  if (program) made(PROGRAM, 1);
  return program;
}
static cl_int CL_API_CALL createSubDevices(
    cl_device_id device, const cl_device_partition_property *properties, cl_uint count, cl_device_id *parts,
    cl_uint *part_count) {
  cl_uint found = 0;
  if (strikes(ENTRY_clCreateSubDevices, -1)) return fault.status;
  cl_int code = next->clCreateSubDevices(device, properties, count, parts, &found);
  if (part_count) *part_count = found;
  if (code == CL_SUCCESS && parts) made(SUBDEVICE, found);
  return code;
}
static cl_int CL_API_CALL buildProgram(
    cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
    void(CL_CALLBACK *notify)(cl_program, void *), void *user) {
  RETURN_STATUS(clBuildProgram, (program, count, devices, options, notify, user));
}

static cl_int CL_API_CALL getPlatformIDs(cl_uint count, cl_platform_id *platforms, cl_uint *found) {
  RETURN_STATUS(clGetPlatformIDs, (count, platforms, found));
}
static cl_int CL_API_CALL getDeviceIDs(
    cl_platform_id platform, cl_device_type type, cl_uint count, cl_device_id *devices, cl_uint *found) {
  RETURN_STATUS(clGetDeviceIDs, (platform, type, count, devices, found));
}
#define INFO(function, entry, object, what)                                                                            \
  static cl_int CL_API_CALL function(object o, what name, size_t size, void *value, size_t *needed) {                  \
    RETURN_STATUS(entry, (o, name, size, value, needed));                                                              \
  }
INFO(getPlatformInfo, clGetPlatformInfo, cl_platform_id, cl_platform_info)
INFO(getEventInfo, clGetEventInfo, cl_event, cl_event_info)
INFO(getProgramInfo, clGetProgramInfo, cl_program, cl_program_info)
static cl_int CL_API_CALL getDeviceInfo(
    cl_device_id device, cl_device_info name, size_t size, void *value, size_t *needed) {
  if (strikes(ENTRY_clGetDeviceInfo, -1)) return fault.status;
  cl_int code = next->clGetDeviceInfo(device, name, size, value, needed);
  if (name == CL_DEVICE_MAX_MEM_ALLOC_SIZE && fault.max_alloc && value && size >= 8) {
    *(cl_ulong *)value = fault.max_alloc;
  }
  return code;
}
static cl_int CL_API_CALL getProgramBuildInfo(
    cl_program program, cl_device_id device, cl_program_build_info name, size_t size, void *value, size_t *needed) {
  RETURN_STATUS(clGetProgramBuildInfo, (program, device, name, size, value, needed));
}
static cl_int CL_API_CALL getKernelWorkGroupInfo(
    cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info name, size_t size, void *value, size_t *needed) {
  RETURN_STATUS(clGetKernelWorkGroupInfo, (kernel, device, name, size, value, needed));
}

#define RELEASE(function, entry, type, kind)                                                                           \
  static cl_int CL_API_CALL function(type object) {                                                                    \
    cl_int code = next->entry(object);                                                                                 \
    if (code == CL_SUCCESS) live[kind]--;                                                                              \
    return code;                                                                                                       \
  }
RELEASE(releaseMemory, clReleaseMemObject, cl_mem, MEM)
RELEASE(releaseEvent, clReleaseEvent, cl_event, EVENT)
RELEASE(releaseQueue, clReleaseCommandQueue, cl_command_queue, QUEUE)
RELEASE(releaseContext, clReleaseContext, cl_context, CONTEXT)
RELEASE(releaseProgram, clReleaseProgram, cl_program, PROGRAM)
RELEASE(releaseKernel, clReleaseKernel, cl_kernel, KERNEL)
RELEASE(releaseDevice, clReleaseDevice, cl_device_id, SUBDEVICE)

static void report(void) {
  FILE *file = fault.report ? fopen(fault.report, "w") : NULL;
  if (!file) return;
  for (int entry = 0; entry < ENTRY_COUNT; entry++) {
    for (int queue = 0; queue <= MAX_QUEUES; queue++) {
      long count = calls[entry][queue];
      if (count) fprintf(file, "calls %s %d %ld\n", entry_names[entry], queue == MAX_QUEUES ? -1 : queue, count);
    }
  }
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    fprintf(file, "created %s %ld\nlive %s %ld\n", kind_names[kind], created[kind], kind_names[kind], live[kind]);
  }
  fprintf(file, "argument-races %ld\nstruck %ld\n", argument_races, struck);
  fclose(file);
}

static long number(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? strtol(text, NULL, 10) : otherwise;
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void *value, size_t *needed) {
  static const char layer_name[] = "shardcl-faults";
  static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  const void *from = name == CL_LAYER_NAME ? (const void *)layer_name : &version;
  size_t length = name == CL_LAYER_NAME ? sizeof layer_name : sizeof version;
  if (name != CL_LAYER_NAME && name != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
  if (value && size < length) return CL_INVALID_VALUE;
  if (value) memcpy(value, from, length);
  if (needed) *needed = length;
  return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(
    cl_uint count, const cl_icd_dispatch *target, cl_uint *count_ret, const cl_icd_dispatch **layer) {
  if (!target || !count_ret || !layer) return CL_INVALID_VALUE;
  const char *call = getenv("FAULT_CALL");
  for (int entry = 0; call && entry < ENTRY_COUNT; entry++) {
    if (strcmp(call, entry_names[entry]) == 0) fault.entry = (enum Entry)entry;
  }
  fault.nth = number("FAULT_NTH", 1);
  fault.lasting = number("FAULT_LASTING", 0) != 0;
  fault.queue = number("FAULT_QUEUE", -1);
  fault.status = (cl_int)number("FAULT_STATUS", CL_OUT_OF_RESOURCES);
  fault.delay_ms = number("FAULT_DELAY_MS", 0);
  fault.max_alloc = (size_t)number("FAULT_MAX_ALLOC", 0);
  fault.report = getenv("FAULT_REPORT");

  next = target;
  size_t entries = sizeof table / sizeof(void *);
  memcpy(&table, target, (count < entries ? count : entries) * sizeof(void *));
  table.clGetPlatformIDs = getPlatformIDs;
  table.clGetPlatformInfo = getPlatformInfo;
  table.clGetDeviceIDs = getDeviceIDs;
  table.clGetDeviceInfo = getDeviceInfo;
  table.clCreateSubDevices = createSubDevices;
  table.clReleaseDevice = releaseDevice;
  table.clCreateContext = createContext;
  table.clReleaseContext = releaseContext;
  table.clCreateCommandQueue = createQueue;
  table.clCreateCommandQueueWithProperties = createQueueWithProperties;
  table.clReleaseCommandQueue = releaseQueue;
  table.clCreateBuffer = createBuffer;
  table.clCreateSubBuffer = createSubBuffer;
  table.clReleaseMemObject = releaseMemory;
  table.clCreateProgramWithSource = createFromSource;
  table.clCreateProgramWithBinary = createFromBinary;
  table.clBuildProgram = buildProgram;
  table.clGetProgramInfo = getProgramInfo;
  table.clGetProgramBuildInfo = getProgramBuildInfo;
  table.clReleaseProgram = releaseProgram;
  table.clCreateKernel = createKernel;
  table.clGetKernelWorkGroupInfo = getKernelWorkGroupInfo;
  table.clSetKernelArg = setArgument;
  table.clReleaseKernel = releaseKernel;
  table.clEnqueueNDRangeKernel = enqueueKernel;
  table.clEnqueueReadBuffer = enqueueRead;
  table.clEnqueueWriteBuffer = enqueueWrite;
  table.clEnqueueCopyBuffer = enqueueCopy;
  table.clEnqueueCopyBufferRect = enqueueCopyRect;
  table.clEnqueueFillBuffer = enqueueFill;
  table.clEnqueueMapBuffer = enqueueMap;
  table.clEnqueueUnmapMemObject = enqueueUnmap;
  table.clEnqueueMarkerWithWaitList = enqueueMarker;
  table.clEnqueueBarrierWithWaitList = enqueueBarrier;
  table.clFlush = flush;
  table.clFinish = finish;
  table.clWaitForEvents = waitForEvents;
  table.clGetEventInfo = getEventInfo;
  table.clReleaseEvent = releaseEvent;
  *count_ret = (cl_uint)entries;
  *layer = &table;
  if (fault.report) atexit(report);
  return CL_SUCCESS;
}
