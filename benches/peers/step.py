"""Python's side of `cargo bench --bench step`: one training step of SmolLM2-135M's shape in PEFT, bitsandbytes, galore-torch or adapters.

    step.py SHAPE METHOD BATCH TOKENS

The settings are those of deltaw's recipes: r = 8 on all projections, VeRA r = 256, GaLore r = 32, bottlenecks 16 wide, f32, AdamW.
"""

import os
import sys
import tempfile

import torch
import transformers

import turns

shape, method, rows, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(int(os.environ.get("DELTAW_THREADS", os.cpu_count())))
torch.manual_seed(1)
config = transformers.LlamaConfig(
    hidden_size=576, intermediate_size=1536, num_hidden_layers=2 if shape == "two-layers" else 30, num_attention_heads=9,
    num_key_value_heads=3, vocab_size=1000 if shape == "two-layers" else 49152, rope_theta=100000.0, rms_norm_eps=1e-5,
    tie_word_embeddings=True,
)


def base():
    return transformers.LlamaForCausalLM(config)


def four_bits():
    """The base written down and read again in NF4 with double quantisation, as users of transformers do it."""
    settings = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.float32
    )
    with tempfile.TemporaryDirectory() as directory:
        base().save_pretrained(directory)
        return transformers.LlamaForCausalLM.from_pretrained(
            directory, quantization_config=settings, dtype=torch.float32, device_map="cpu"
        )


def in_peft(model, settings):
    import peft

    return peft.get_peft_model(model, settings(peft))


def build():
    lora = {"r": 8, "lora_alpha": 8, "target_modules": "all-linear"}
    if method == "lora":
        return in_peft(base(), lambda peft: peft.LoraConfig(**lora))
    if method == "qlora":
        return in_peft(four_bits(), lambda peft: peft.LoraConfig(**lora))
    if method == "dora":
        return in_peft(base(), lambda peft: peft.LoraConfig(use_dora=True, **lora))
    if method == "vera":
        return in_peft(base(), lambda peft: peft.VeraConfig(r=256, target_modules="all-linear"))
    if method == "pfeiffer":
        import adapters

        model = base()
        adapters.init(model)
        model.add_adapter("one", config=adapters.SeqBnConfig(reduction_factor=config.hidden_size / 16))
        model.train_adapter("one")
        return model
    return base()


def optimiser(model):
    trained = [p for p in model.parameters() if p.requires_grad]
    if method == "galore":
        import galore_torch

        names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
        low = [p for name, p in model.named_parameters() if name.endswith(".weight") and name.split(".")[-2] in names]
        ids = {id(p) for p in low}
        groups = [
            {"params": [p for p in trained if id(p) not in ids]},
            {"params": low, "rank": 32, "update_proj_gap": 50, "scale": 1.0, "proj_type": "std"},
        ]
        return galore_torch.GaLoreAdamW(groups, lr=1e-4)
    return torch.optim.AdamW(trained, lr=1e-4)


model = build().train()
adamw = optimiser(model)
ids = (torch.arange(rows * tokens) * 7919 % config.vocab_size).reshape(rows, tokens)


def step():
    loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    adamw.step()
    adamw.zero_grad()
    return loss.item()


turns.take(step)
