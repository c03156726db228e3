"""How often a base, and an adapter on it, find the right one of two completions likelier: apart from whether they follow the form.
Arguments: base (directory or .gguf file), records of `deltaw train --task polarity --write-data DIR` (held_out.jsonl), adapter directory
(optional). Needs torch, transformers, peft and gguf."""

import json
import sys
from pathlib import Path

import peft
import torch
import transformers

base, records = Path(sys.argv[1]), [json.loads(line) for line in open(sys.argv[2])]
where = dict(gguf_file=base.name) if base.suffix == ".gguf" else {}
directory = base.parent if where else base
tokenizer = transformers.AutoTokenizer.from_pretrained(directory, **where)
model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, **where).eval()
choices = sorted({record["completion"] for record in records})
firsts = [tokenizer(choice, add_special_tokens=False).input_ids[0] for choice in choices]
assert len(set(firsts)) == len(choices), "the completions begin alike"


def right():
    count = 0
    for record in records:
        ids = tokenizer(record["prompt"], return_tensors="pt").input_ids
        with torch.no_grad():
            last = model(input_ids=ids).logits[0, -1]
        count += choices[int(last[firsts].argmax())] == record["completion"]
    return f"{100 * count / len(records):.1f} % of {len(records)}"


print("base:", right())
if len(sys.argv) > 3:
    model = peft.PeftModel.from_pretrained(model, sys.argv[3]).eval()
    print("with the adapter:", right())
