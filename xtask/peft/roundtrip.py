"""Both directions of the PEFT format: adapters that deltaw wrote are loaded here and their logits compared; adapters that PEFT writes are
left in deltaw's golden layout, for deltaw to load. Called by `cargo xtask peft-roundtrip`."""

import json
import sys
import warnings
from pathlib import Path

import peft
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging


def base_of(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()


def randomise(model, seed):
    """Moves every trained tensor, so that nothing is at its special start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters(), key=lambda pair: pair[0]):
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)


def ours(root):
    """Adapters of deltaw in PEFT: the largest difference of logits over their magnitude."""
    results = []
    for base in sorted(path for path in (root / "ours").iterdir() if path.is_dir()):
        for case in sorted(path for path in base.iterdir() if (path / "adapter_model.safetensors").exists()):
            io = load_file(case / "io.safetensors")
            model = peft.PeftModel.from_pretrained(base_of(base / "base"), case).eval()
            with torch.no_grad():
                logits = model(input_ids=io["input_ids"]).logits
            gap = (logits - io["logits"]).abs().max() / io["logits"].abs().max()
            results.append({"base": base.name, "case": case.name, "relative": float(gap)})
    return results


def quantised(root):
    """Models that deltaw quantised, loaded by transformers through bitsandbytes."""
    for case in sorted((root / "quantised").iterdir()):
        io = load_file(case / "io.safetensors")
        # In training mode, because eval mode computes in bf16 on some CPUs.
        model = AutoModelForCausalLM.from_pretrained(case).train()
        assert any(type(module).__name__ == "Linear4bit" for module in model.modules())
        with torch.no_grad():
            logits = model(input_ids=io["input_ids"]).logits
        gap = (logits - io["logits"]).abs().max() / io["logits"].abs().max()
        yield {"base": case.name, "case": "four-bit model", "relative": float(gap)}


def configs():
    """Every option that deltaw reads, by PEFT's own names."""
    lora = dict(task_type="CAUSAL_LM", r=4, lora_alpha=6)
    attention = ["q_proj", "v_proj"]
    virtual = dict(task_type="CAUSAL_LM", num_virtual_tokens=3)
    yield "lora_regex", peft.LoraConfig(**lora, target_modules=r".*\.layers\.\d+\.(self_attn\.[qo]|mlp\.up)_proj")
    yield "lora_all_linear", peft.LoraConfig(**lora, target_modules="all-linear", use_rslora=True)
    yield "lora_layers", peft.LoraConfig(**lora, target_modules=attention, layers_to_transform=[1], layers_pattern="layers")
    yield "lora_exclude", peft.LoraConfig(**lora, target_modules="all-linear", exclude_modules=["down_proj", "layers.0.self_attn.q_proj"])
    yield "lora_patterns", peft.LoraConfig(
        **lora,
        target_modules=["q_proj", "k_proj", "down_proj"],
        # The first key that matches decides, but PEFT sorts the keys when it saves: keys of one module would change places.
        rank_pattern={r"layers\.0\.self_attn\..*_proj": 2, "down_proj": 7},
        alpha_pattern={"down_proj": 3, r"layers\.[01]\.self_attn\.k_proj": 11},
    )
    yield "lora_dropout", peft.LoraConfig(**lora, target_modules=attention, lora_dropout=0.3)
    yield "lora_bias", peft.LoraConfig(**lora, target_modules=attention, lora_bias=True)
    yield "lora_bias_all", peft.LoraConfig(**lora, target_modules=attention, bias="all")
    yield "lora_gaussian", peft.LoraConfig(**lora, target_modules=attention, init_lora_weights="gaussian")
    yield "dora", peft.LoraConfig(**lora, target_modules="all-linear", use_dora=True)
    yield "dora_rslora", peft.LoraConfig(**lora, target_modules=attention, use_dora=True, use_rslora=True)
    vera = dict(task_type="CAUSAL_LM", r=12, projection_prng_key=77)
    yield "vera", peft.VeraConfig(**vera, target_modules=["q_proj", "down_proj"])
    yield "vera_no_projection", peft.VeraConfig(**vera, target_modules=["q_proj", "down_proj"], save_projection=False)
    targets = ["k_proj", "v_proj", "up_proj", "down_proj"]
    yield "ia3", peft.IA3Config(task_type="CAUSAL_LM", target_modules=targets, feedforward_modules=["down_proj", "up_proj"])
    yield "prefix", peft.PrefixTuningConfig(**virtual)
    yield "prefix_projection", peft.PrefixTuningConfig(**virtual, prefix_projection=True, encoder_hidden_size=10)
    yield "prompt", peft.PromptTuningConfig(**virtual)
    yield "p_tuning", peft.PromptEncoderConfig(**virtual, encoder_hidden_size=9)


TRAINED = {"lora_patterns", "lora_all_linear", "dora", "vera", "ia3", "prefix", "prompt", "lora_bias"}


def write_case(directory, name, summary, tolerance, **more):
    about = {"case": name, "method": name, "summary": summary, "tolerance": tolerance, **more}
    (directory / "case.json").write_text(json.dumps(about, indent=1))


def save_adapter(model, directory):
    model.save_pretrained(directory)
    (directory / "README.md").unlink(missing_ok=True)


def forward_case(directory, name, model, ids):
    directory.mkdir(parents=True)
    io = {"input_ids": ids}
    tolerance = {}
    with torch.no_grad():
        io["logits"] = model(input_ids=ids).logits.contiguous()
    tolerance["logits_abs"] = 3e-5 * max(1.0, float(io["logits"].abs().max()))
    save_adapter(model, directory / "adapter")
    mergeable = not name.startswith(("prefix", "prompt", "p_tuning", "lora_bias"))
    if mergeable:
        with torch.no_grad():
            io["merged_logits"] = model.merge_and_unload()(input_ids=ids).logits.contiguous()
        tolerance["merged_logits_abs"] = 2 * tolerance["logits_abs"]
    save_file(io, directory / "io.safetensors")
    write_case(directory, name, "forward", tolerance)


def training_case(directory, name, model, ids, settings):
    """Twenty AdamW steps on one batch; the names of the tensors are those of the saved adapter."""
    directory.mkdir(parents=True)
    model.train()
    save_adapter(model, directory / "adapter")
    labels = ids.clone()
    labels[:, :3] = -100
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    saved = load_file(directory / "adapter" / "adapter_model.safetensors")

    def named(tensors):
        if "prompt_embeddings" in saved:
            return {"prompt_embeddings": next(iter(tensors.values())).detach().clone()}
        plain = {key.replace(".default", ""): value.detach().clone() for key, value in tensors.items()}
        return {key.removesuffix(".weight") if "magnitude" in key else key: value for key, value in plain.items()}

    initial = named(trained)
    missing = [key for key in initial if key not in saved]
    assert not missing, missing
    save_file(initial, directory / "initial.safetensors")
    optimizer = torch.optim.AdamW(trained.values(), **settings["adamw"])
    losses = []
    for step in range(21):
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits[:, -ids.shape[1]:]
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        losses.append(loss.detach())
        if step == 20:
            break
        loss.backward()
        if step == 0:
            save_file(named({key: p.grad for key, p in trained.items()}), directory / "grad_step1.safetensors")
        if settings["clip"]:
            torch.nn.utils.clip_grad_norm_(trained.values(), settings["clip"])
        optimizer.step()
    save_file(named(trained), directory / "final.safetensors")
    io = {"input_ids": ids, "labels": labels, "loss": torch.stack(losses[:20]), "loss_after": losses[20].reshape(1)}
    save_file(io, directory / "io.safetensors")
    adamw = settings["adamw"]
    optimizer_note = {
        "name": "torch.optim.AdamW",
        "lr": adamw["lr"],
        "betas": list(adamw["betas"]),
        "eps": adamw["eps"],
        "weight_decay": adamw["weight_decay"],
        "schedule": "constant",
        "gradient_clipping": settings["clip"],
    }
    tolerance = {"loss_abs": 1e-4, "grad_abs": 1e-4, "final_abs": 2e-4}
    write_case(directory, name, "training", tolerance, optimizer=optimizer_note)


def theirs(root):
    settings = [
        {"adamw": dict(lr=2e-3, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.05), "clip": 0.5},
        {"adamw": dict(lr=1e-3, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.0), "clip": None},
    ]
    for number, base in enumerate(sorted(path for path in (root / "ours").iterdir() if path.is_dir())):
        out = root / "theirs" / base.name
        (out / "base").mkdir(parents=True)
        for file in (base / "base").iterdir():
            (out / "base" / file.name).write_bytes(file.read_bytes())
        model = base_of(base / "base")
        generator = torch.Generator().manual_seed(number)
        ids = torch.randint(0, model.config.vocab_size, (2, 9), generator=generator)
        with torch.no_grad():
            logits = model(input_ids=ids).logits.contiguous()
        save_file({"input_ids": ids, "logits": logits}, out / "base" / "io.safetensors")
        write_case(out / "base", "base", "the frozen base", {"logits_abs": 3e-5 * max(1.0, float(logits.abs().max()))})
        for seed, (name, config) in enumerate(configs()):
            torch.manual_seed(seed)
            model = peft.get_peft_model(base_of(base / "base"), config)
            randomise(model, seed)
            if name in TRAINED:
                training_case(out / f"train_{name}", name, model, ids, settings[number % len(settings)])
            forward_case(out / name, name, model.eval(), ids)


def main():
    root = Path(sys.argv[1])
    torch.set_num_threads(2)
    # Notes about biases that these bases have not, and a bar for each of a hundred loads.
    warnings.simplefilter("ignore")
    logging.disable_progress_bar()
    theirs(root)
    (root / "ours.json").write_text(json.dumps(ours(root) + list(quantised(root))))


main()
