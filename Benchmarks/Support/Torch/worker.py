# SPDX-License-Identifier: Apache-2.0
"""What PyTorch makes of a benchmark's operands on the CPU: requests on standard input, answers on standard output.

hello THREADS      -> one line: what the speed depends on
product M N K      then the floats of A (m x k) and B (n x k): A . B^T -> "ready"
attention QUERY_HEADS KV_HEADS SIZE TOKENS
                   then the floats of queries (tokens x heads x size), keys and values: causal attention
                   -> "ready", and which of the ways to call it is the fastest
run COUNT          computes so often -> "done"
result             -> the floats of the last run, row-major
"""

import ctypes
import sys
import time

try:
    import torch
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}")

source, answers = sys.stdin.buffer, sys.stdout.buffer
compute = output = result = None


def tensor(*shape):
    values = torch.empty(*shape)
    view = (ctypes.c_char * (4 * values.numel())).from_address(values.data_ptr())
    if source.readinto(view) != len(view):
        sys.exit("the operands end early")
    return values


def product(m, n, k):
    a, b, c = tensor(m, k), tensor(n, k), torch.empty(m, n)
    transposed = b.t()
    return (lambda: torch.mm(a, transposed, out=c)), (lambda c: c), "ready"


def seconds(call):
    call()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def attention(query_heads, kv_heads, size, tokens):
    def heads(count):
        return tensor(tokens, count, size).transpose(0, 1).unsqueeze(0)

    rows = heads(query_heads), heads(kv_heads), heads(kv_heads)
    dense = [x.contiguous() for x in rows]
    group = query_heads // kv_heads
    expanded = [dense[0]] + [x.repeat_interleave(group, dim=1) for x in dense[1:]]
    attend = torch.nn.functional.scaled_dot_product_attention
    ways = {
        "enable_gqa, heads by turns": lambda: attend(*rows, is_causal=True, enable_gqa=True),
        "enable_gqa, head by head": lambda: attend(*dense, is_causal=True, enable_gqa=True),
        "expanded keys and values": lambda: attend(*expanded, is_causal=True),
    }
    way = min(ways, key=lambda name: seconds(ways[name]))
    return ways[way], (lambda y: y.squeeze(0).transpose(0, 1).contiguous()), f"ready: {way}"


with torch.inference_mode():
    while words := source.readline().decode().split():
        request, numbers = words[0], list(map(int, words[1:]))
        if request == "hello":
            torch.set_num_threads(numbers[0])
            library = "MKL" if torch.backends.mkl.is_available() else "no MKL"
            text = f"{torch.__version__}, {library}, {torch.get_num_threads()} threads, a process of its own"
            answers.write(text.encode() + b"\n")
        elif request in ("product", "attention"):
            compute = output = result = None
            compute, output, text = (product if request == "product" else attention)(*numbers)
            answers.write(text.encode() + b"\n")
        elif request == "run":
            for _ in range(numbers[0]):
                result = compute()
            answers.write(b"done\n")
        elif request == "result":
            rows = output(result)
            answers.write(ctypes.string_at(rows.data_ptr(), 4 * rows.numel()))
        answers.flush()
