"""Python's side of `cargo bench --bench ops`: `ops.py OPERATION… LIBRARY`."""

import os
import sys

import turns

operation, *numbers, library = sys.argv[1:]
threads = int(os.environ.get("DELTAW_THREADS", os.cpu_count()))
DECOMPOSED, QUANTISED = (1536, 576), (4096, 4096)


def with_torch():
    import torch

    torch.set_num_threads(threads)
    if library == "bitsandbytes":
        from bitsandbytes import functional

        dense = torch.randn(QUANTISED)
        if operation == "quantise":
            return lambda: functional.quantize_4bit(dense, quant_type="nf4", compress_statistics=True)
        codes, state = functional.quantize_4bit(dense, quant_type="nf4", compress_statistics=True)
        return lambda: functional.dequantize_4bit(codes, state)
    if operation == "merge":
        return merging(torch)
    if operation == "mixed":
        return mixed(torch, *numbers)
    if operation == "generate":
        return writing(torch)
    matrix = torch.randn(DECOMPOSED, dtype=torch.float64)
    return {
        "svd": lambda: torch.linalg.svd(matrix, full_matrices=False),
        "values": lambda: torch.linalg.svdvals(matrix),
        # As many extra directions and rounds as ours.
        "top": lambda: torch.svd_lowrank(matrix, q=16, niter=2),
    }[operation]


def smollm2():
    import transformers

    config = transformers.LlamaConfig(
        hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        vocab_size=49152, rope_theta=100000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
    )
    return transformers.LlamaForCausalLM(config).eval()


def merging(torch):
    import peft

    model = peft.get_peft_model(smollm2(), peft.LoraConfig(r=8, lora_alpha=8, target_modules="all-linear"))

    def apart():
        """PEFT merges in place and does not merge twice."""
        model.unmerge_adapter()

    # `safe_merge` looks for numbers that are not finite, as deltaw does.
    return lambda: model.merge_adapter(safe_merge=True), apart


def mixed(torch, targets, tokens):
    """32 rows over 16 LoRAs of rank 16, two rows each."""
    import peft

    modules = {"qv": ["q_proj", "v_proj"], "all": "all-linear"}[targets]
    # Without the last setting PEFT starts B at zero, and a zero product is still computed: only its values differ.
    lora = peft.LoraConfig(r=16, lora_alpha=32, target_modules=modules, init_lora_weights=False)
    model = peft.get_peft_model(smollm2(), lora, adapter_name="a0")
    for adapter in range(1, 16):
        model.add_adapter(f"a{adapter}", lora)
    model.eval()
    names = [f"a{row // 2}" for row in range(32)]
    ids = (torch.arange(32 * int(tokens)) * 7919 % 49152).reshape(32, int(tokens))

    @torch.inference_mode()
    def forward():
        return model(input_ids=ids, use_cache=False, adapter_names=names).logits

    return forward


def writing(torch):
    """57 tokens are read and 32 written, the likeliest each time, with a cache of keys and values."""
    model = smollm2()
    ids = (torch.arange(57) * 7919 % 49152).reshape(1, 57)

    @torch.inference_mode()
    def generate():
        return model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, min_new_tokens=32, do_sample=False, use_cache=True, pad_token_id=0
        )

    return generate


def with_numpy():
    import numpy

    matrix = numpy.random.default_rng(0).standard_normal(DECOMPOSED)
    return {
        "svd": lambda: numpy.linalg.svd(matrix, full_matrices=False),
        "values": lambda: numpy.linalg.svd(matrix, compute_uv=False),
    }[operation]


def with_scipy():
    import numpy
    import scipy.linalg
    import scipy.sparse.linalg

    matrix = numpy.random.default_rng(0).standard_normal(DECOMPOSED)
    return {
        "svd": lambda: scipy.linalg.svd(matrix, full_matrices=False),
        "values": lambda: scipy.linalg.svdvals(matrix),
        "top": lambda: scipy.sparse.linalg.svds(matrix, k=8),
    }[operation]


work = {"numpy": with_numpy, "scipy": with_scipy}.get(library, with_torch)()
turns.take(*work) if isinstance(work, tuple) else turns.take(work)
