"""Bottleneck adapters and fusions, both directions, against the `adapters` library. Called by `cargo xtask peft-roundtrip`."""

import json
import sys
from pathlib import Path

import adapters
import torch
from adapters import DoubleSeqBnConfig, Fuse, SeqBnConfig
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging


def base_of(path):
    model = AutoModelForCausalLM.from_pretrained(path, torch_dtype=torch.float32)
    adapters.init(model)
    return model.eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits.contiguous()


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters(), key=lambda pair: pair[0]):
            if "adapter" in name:
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)


def ours(base):
    for case in ["houlsby", "pfeiffer", "fusion"]:
        io = load_file(base / case / "io.safetensors")
        model = base_of(base / "base")
        if case == "fusion":
            names = json.loads((base / case / "adapter_fusion_config.json").read_text())["adapter_names"]
            for name in names:
                model.load_adapter(str(base / case / name), use_safetensors=True)
            model.load_adapter_fusion(str(base / case), use_safetensors=True)
            model.set_active_adapters(Fuse(*names))
        else:
            model.set_active_adapters(model.load_adapter(str(base / case), use_safetensors=True))
        gap = (logits_of(model, io["input_ids"]) - io["logits"]).abs().max() / io["logits"].abs().max()
        yield {"base": base.name, "case": case, "relative": float(gap)}


def write(directory, name, model, ids, **hyperparameters):
    logits = logits_of(model, ids)
    save_file({"input_ids": ids, "logits": logits}, directory / "io.safetensors")
    tolerance = {"logits_abs": 3e-5 * max(1.0, float(logits.abs().max()))}
    about = {"case": name, "method": name, "tolerance": tolerance, "hyperparameters": hyperparameters}
    (directory / "case.json").write_text(json.dumps(about, indent=1))


def theirs(base, out):
    ids = load_file(out / "base" / "io.safetensors")["input_ids"]
    configs = {
        "seq_gelu": SeqBnConfig(reduction_factor=4, non_linearity="gelu"),
        "seq_scaled": SeqBnConfig(reduction_factor=2, non_linearity="tanh", scaling=0.5, leave_out=[1]),
        "double_swish": DoubleSeqBnConfig(reduction_factor=8, non_linearity="swish"),
        "double_gelu_new": DoubleSeqBnConfig(reduction_factor=3, non_linearity="gelu_new"),
    }
    for seed, (name, config) in enumerate(configs.items()):
        directory = out / name
        directory.mkdir()
        model = base_of(base / "base")
        model.add_adapter(name, config=config)
        model.set_active_adapters(name)
        randomise(model, seed)
        model.save_adapter(str(directory / "adapter"), name, use_safetensors=True)
        write(directory, name, model, ids)
    directory = out / "fused"
    (directory / "adapter").mkdir(parents=True)
    model = base_of(base / "base")
    names = ["one", "two"]
    for name in names:
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=4, non_linearity="relu"))
    model.add_adapter_fusion(names)
    model.set_active_adapters(Fuse(*names))
    randomise(model, 9)
    for name in names:
        model.save_adapter(str(directory / "adapter" / name), name, use_safetensors=True)
    model.save_adapter_fusion(str(directory / "fusion"), names, use_safetensors=True)
    write(directory, "fused", model, ids, adapters=names)


def main():
    root = Path(sys.argv[1])
    torch.set_num_threads(2)
    logging.set_verbosity_error()
    results = []
    for base in sorted(path for path in (root / "ours").iterdir() if path.is_dir()):
        results += ours(base)
        theirs(base, root / "theirs" / base.name)
    (root / "bottlenecks.json").write_text(json.dumps(results))


main()
