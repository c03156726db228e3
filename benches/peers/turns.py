"""A process that takes turns with another: it works once for each line it is sent, and says how long that took."""

import gc
import sys
import time


def megabytes(name):
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) // 1000 for line in status if line.startswith(name))


def take(work, before=None):
    """Says `ready`; for each line of standard input calls `before`, whose time does not count, and `work`; ends with the megabytes resident after loading, and at most."""
    gc.collect()
    print("ready", flush=True)
    loaded = megabytes("VmRSS")
    for _ in sys.stdin:
        if before:
            before()
        clock, cpu = time.perf_counter(), time.process_time()
        done = work()
        print(time.perf_counter() - clock, time.process_time() - cpu, flush=True)
        del done
    print(loaded, megabytes("VmHWM"), flush=True)
