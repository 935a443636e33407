// SPDX-License-Identifier: Apache-2.0
// MPI_Allreduce of f32, out of place: requests on the first rank's standard input, answers on its standard output.
//
// hello           -> one line: the library's version
// prepare COUNT   -> "ready: WRONG": operands are made and added once; elements on all ranks that are not exact
// run COUNT       adds so often -> "done"
//
// A waiting MPI call spins. So the first rank passes each request on to the others through FIFOs (FOLDER/1, ...), at
// which they sleep until it is their turn.
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int rank, ranks;
static float *input, *output;
static long count;

static void stop(const char *why) {
  fprintf(stderr, "rank %d: %s\n", rank, why);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static float number(long index, int of_rank) { return (float)((index * 7 + of_rank * 3) % 11 - 5); }

static void add(void) { MPI_Allreduce(input, output, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); }

static long prepare(long wanted) {
  if (wanted < 1 || wanted > 1L << 30) stop("a number of elements that MPI cannot count");
  free(input);
  free(output);
  count = wanted;
  size_t size = ((size_t)count * sizeof(float) + 4095) & ~(size_t)4095;
  input = aligned_alloc(4096, size);
  output = aligned_alloc(4096, size);
  if (!input || !output) stop("out of memory");
  // Also brings the pages to the rank that works on them.
  memset(output, 0xff, size);
  for (long i = 0; i < count; i++) input[i] = number(i, rank);
  add();
  long wrong = 0, all = 0;
  for (long i = 0; i < count; i++) {
    float sum = 0;
    for (int r = 0; r < ranks; r++) sum += number(i, r);
    wrong += !(output[i] == sum);
  }
  MPI_Reduce(&wrong, &all, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
  return all;
}

static void hello(void) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(version, &length);
  version[strcspn(version, ",\n")] = 0;
  printf("%s, %d processes\n", version, ranks);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (argc != 2) stop("usage: worker FOLDER");
  FILE *requests = stdin;
  int *others = calloc((size_t)ranks, sizeof(int));
  if (!others) stop("out of memory");
  char path[4096], line[128];
  for (int r = 1; r < ranks; r++) {
    if (rank != 0 && rank != r) continue;
    snprintf(path, sizeof path, "%s/%d", argv[1], r);
    if (rank == 0) others[r] = open(path, O_WRONLY);
    else requests = fopen(path, "r");
    if (others[r] < 0 || !requests) stop("cannot open its FIFO");
  }
  while (fgets(line, sizeof line, requests)) {
    for (int r = 1; rank == 0 && r < ranks; r++)
      if (write(others[r], line, strlen(line)) != (ssize_t)strlen(line)) stop("cannot pass a request on");
    long argument = 0;
    if (sscanf(line, "prepare %ld", &argument) == 1) {
      long wrong = prepare(argument);
      if (rank == 0) printf("ready: %ld\n", wrong);
    } else if (sscanf(line, "run %ld", &argument) == 1) {
      if (!count) stop("run before prepare");
      for (long i = 0; i < argument; i++) add();
      if (rank == 0) printf("done\n");
    } else if (rank == 0) {
      hello();
    }
    fflush(stdout);
  }
  for (int r = 1; rank == 0 && r < ranks; r++) close(others[r]);
  MPI_Finalize();
  return 0;
}
