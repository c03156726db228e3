"""PyTorch's side of `deltaw gpu-check`: the low-rank half of a mixed batch alone, y += s · (x Aᵀ) Bᵀ, for rows of several adapters in f32.

python grouped.py DEVICE ADAPTERS RANK ROWS TOKENS IN OUT ROUNDS

Prints one JSON object: the version, and seconds of each round for two ways to write it. `grouped`: rows are sorted by adapter and every adapter
has as many, so two batched products do it; `gathered`: each row of a sequence takes copies of its own factors, in any order. Without torch, or
without its CUDA, the object says `missing`.
"""

import json
import sys
import time

# A round lasts at least this long: a launch takes microseconds.
ROUND = 5e-3


def main(device, adapters, rank, rows, tokens, width, out, rounds):
    try:
        import torch
    except ImportError as error:
        return {"missing": f"no torch ({error})"}
    if device.startswith("cuda") and not torch.cuda.is_available():
        return {"missing": f"torch {torch.__version__} finds no GPU"}
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, device=device)

    a, b, scale = random(adapters, width, rank), random(adapters, rank, out), 2.0
    x, y = random(rows, tokens, width), random(rows, tokens, out)
    owner = torch.arange(rows, device=device) * adapters // rows

    def grouped(y):
        v = torch.bmm(x.view(adapters, -1, width), a)
        y.view(adapters, -1, out).baddbmm_(v, b, alpha=scale)

    def gathered(y):
        v = torch.bmm(x, a[owner])
        y.baddbmm_(v, b[owner], alpha=scale)

    def wait():
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    def seconds(work, repeats):
        wait()
        clock = time.perf_counter()
        for _ in range(repeats):
            work(y)
        wait()
        return (time.perf_counter() - clock) / repeats

    with torch.no_grad():
        one, other = y.clone(), y.clone()
        grouped(one)
        gathered(other)
        gap = ((one - other).abs().max() / one.abs().max()).item()
        if not gap < 1e-4:
            return {"missing": f"the two ways differ by {gap:.1e}"}
        found = {"version": torch.__version__}
        for work in (grouped, gathered):
            repeats = max(1, min(1000, int(ROUND / max(seconds(work, 1), 1e-9)) + 1))
            found[work.__name__] = [seconds(work, repeats) for _ in range(rounds)]
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
