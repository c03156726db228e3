"""bitsandbytes' side of `cargo bench --bench nf4`: reads "OP ROWS COLUMNS TOKENS" a line, does it once on the CPU, answers with seconds."""

import sys
import time

import bitsandbytes
import bitsandbytes.functional as functional
import torch

torch.set_num_threads(int(sys.argv[1]))
cache = {}


def weight(rows, columns):
    """A random matrix and its NF4 form with double quantisation, kept between calls."""
    if (rows, columns) not in cache:
        dense = torch.randn(rows, columns)
        cache[rows, columns] = (dense, *functional.quantize_4bit(dense, quant_type="nf4", compress_statistics=True))
    return cache[rows, columns]


def run(operation, rows, columns, tokens):
    dense, codes, state = weight(rows, columns)
    x = torch.randn(tokens, columns)
    clock = time.perf_counter()
    if operation == "quantise":
        functional.quantize_4bit(dense, quant_type="nf4", compress_statistics=True)
    elif operation == "dequantise":
        functional.dequantize_4bit(codes, state)
    elif operation == "multiply":
        # What Linear4bit does in training: dequantise, then a dense product.
        with torch.no_grad():
            x @ functional.dequantize_4bit(codes, state).t()
    else:
        with torch.no_grad():
            x @ dense.t()
    return time.perf_counter() - clock


print(f"ready bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}", flush=True)
for line in sys.stdin:
    operation, *sizes = line.split()
    print(run(operation, *map(int, sizes)), flush=True)
