# SPDX-License-Identifier: Apache-2.0
"""Products of PyTorch on the CPU for gemm-bench, which sends requests on standard input and reads answers.

hello THREADS      -> one line: what the speed depends on
prepare M N K      then the floats of A (m x k) and B (n x k) -> "ready"
run COUNT          computes A . B^T so often -> "done"
result             -> the floats of the last product
"""

import ctypes
import sys

import torch

source, answers = sys.stdin.buffer, sys.stdout.buffer
a = b = c = None


def matrix(rows, columns):
    values = torch.empty(rows, columns)
    view = (ctypes.c_char * (4 * rows * columns)).from_address(values.data_ptr())
    if source.readinto(view) != len(view):
        sys.exit("the operands end early")
    return values


with torch.inference_mode():
    while words := source.readline().decode().split():
        if words[0] == "hello":
            torch.set_num_threads(int(words[1]))
            library = "MKL" if torch.backends.mkl.is_available() else "no MKL"
            text = f"{torch.__version__}, {library}, {torch.get_num_threads()} threads, a process of its own"
            answers.write(text.encode() + b"\n")
        elif words[0] == "prepare":
            m, n, k = map(int, words[1:])
            a = b = c = None
            a, b, c = matrix(m, k), matrix(n, k), torch.empty(m, n)
            transposed = b.t()
            answers.write(b"ready\n")
        elif words[0] == "run":
            for _ in range(int(words[1])):
                torch.mm(a, transposed, out=c)
            answers.write(b"done\n")
        elif words[0] == "result":
            answers.write(ctypes.string_at(c.data_ptr(), 4 * c.numel()))
        answers.flush()
