"""Loads a base and an adapter that deltaw trained with transformers and PEFT, and compares logits with those that deltaw wrote. Called by
`cargo xtask peft-trained`. Arguments: base (directory or .gguf file), adapter directory, file of ids and logits, tolerance."""

import sys
from pathlib import Path

import peft
import torch
import transformers
from safetensors.torch import load_file

base, adapter, io, tolerance = Path(sys.argv[1]), sys.argv[2], load_file(sys.argv[3]), float(sys.argv[4])
where = dict(gguf_file=base.name) if base.suffix == ".gguf" else {}
directory = base.parent if where else base
model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, **where).eval()
worst = {}


def compare(name, key):
    for index in sorted({name.split(".")[0] for name in io}, key=int):
        with torch.no_grad():
            logits = model(input_ids=io[f"{index}.ids"]).logits
        ours = io[f"{index}.{key}"]
        gap = float((logits[:, -ours.shape[1] :] - ours).abs().max() / ours.abs().max())
        worst[name] = max(worst.get(name, 0.0), gap)


compare("base alone", "base")
model = peft.PeftModel.from_pretrained(model, adapter).eval()
compare("with the adapter", "logits")
moved = max(float((io[f"{i}.logits"] - io[f"{i}.base"]).abs().max()) for i in range(len(io) // 3))
print(f"peft {peft.__version__}, transformers {transformers.__version__}: largest difference of logits over their magnitude")
for name, gap in worst.items():
    print(f"{'ok  ' if gap <= tolerance else 'FAIL'} {name:<18} {gap:.1e}")
print(f"the adapter moves logits by up to {moved:.1f}")
sys.exit(max(worst.values()) > tolerance or moved < 1)
