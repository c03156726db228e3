"""A base, and an adapter on it, on held-out records through transformers and PEFT: the loss of the completions and how many are exactly right, which
must be what deltaw says, and how often the right one of the completions is likelier than the other, apart from whether the form is followed.
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


def judge(name):
    loss, tokens, exact, likelier = 0.0, 0, 0, 0
    for record in records:
        prompt = tokenizer(record["prompt"]).input_ids
        answer = tokenizer(record["completion"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
        with torch.no_grad():
            scores = model(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        rows, targets = scores[len(prompt) - 1 : -1], torch.tensor(answer)
        loss -= float(rows.gather(1, targets[:, None]).sum())
        tokens += len(answer)
        exact += bool((rows.argmax(-1) == targets).all())
        likelier += choices[int(rows[0][firsts].argmax())] == record["completion"]
    share = [f"{100 * count / len(records):.1f} %" for count in (exact, likelier)]
    print(f"{name}: loss {loss / tokens:.7f}, exactly right {share[0]}, the right one likelier {share[1]} of {len(records)}", flush=True)


judge("base")
if len(sys.argv) > 3:
    model = peft.PeftModel.from_pretrained(model, sys.argv[3]).eval()
    judge("with the adapter")
