"""PEFT's side of `cargo bench --bench mixed_batch`: a random SmolLM2-shaped model with LoRAs, one forward pass a line.

Reads "OPERATION TARGETS TOKENS" a line (`base`: no adapters on the model; `mixed`: `adapter_names`), answers with seconds on the clock and of all threads.
"""

import sys
import time

import peft
import torch
import transformers

threads, rows, adapters, rank = map(int, sys.argv[1:])
torch.set_num_threads(threads)
TARGETS = {"qv": ["q_proj", "v_proj"], "all": "all-linear"}
config = transformers.LlamaConfig(
    hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
    vocab_size=49152, rope_theta=100000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
)
names = [f"a{row % adapters}" for row in range(rows)]


def fresh():
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config).eval()


def adapted(targets):
    model = None
    for adapter in range(adapters):
        # Without this PEFT starts B at zero, and a zero product is still computed: only its values differ.
        lora = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS[targets], init_lora_weights=False)
        name = f"a{adapter}"
        if model is None:
            model = peft.get_peft_model(fresh(), lora, adapter_name=name)
        else:
            model.add_adapter(name, lora)
    return model.eval()


base, mixed = fresh(), {}


def run(operation, targets, tokens):
    if operation == "mixed" and targets not in mixed:
        mixed.clear()
        mixed[targets] = adapted(targets)
    model = base if operation == "base" else mixed[targets]
    extra = {} if operation == "base" else {"adapter_names": names}
    ids = torch.randint(0, config.vocab_size, (rows, tokens))
    with torch.no_grad():
        clock, cpu = time.perf_counter(), time.process_time()
        model(input_ids=ids, use_cache=False, **extra)
        return f"{time.perf_counter() - clock} {time.process_time() - cpu}"


print(f"ready PEFT {peft.__version__}, transformers {transformers.__version__}, torch {torch.__version__}", flush=True)
for line in sys.stdin:
    operation, targets, tokens = line.split()
    print(run(operation, targets, int(tokens)), flush=True)
