"""The official OpenAI client, unchanged, against a running server: `cargo xtask serve-check` calls it.

Arguments: base URL, key, file with the answers that each model must give: [{"model", "prompt", "text"}].
"""

import asyncio
import json
import sys

import openai

url, key, cases_file, forbidden = sys.argv[1:]
cases = json.load(open(cases_file))
client = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"FAIL {what}")


def fails(kind, what, **request):
    try:
        client.completions.create(**{"model": first["model"], "prompt": first["prompt"], **request})
    except kind as error:
        return check(True, what) or error
    sys.exit(f"FAIL {what}: no {kind.__name__}")


first = cases[0]
names = [model.id for model in client.models.list()]
check("tiny" in names and all(case["model"] in names for case in cases), "every model is listed")
check(forbidden not in names, "a model of others is not listed")
check(client.models.retrieve(first["model"]).id == first["model"], "one model is found")

for case in cases:
    ask = {"model": case["model"], "prompt": case["prompt"], "temperature": 0, "max_tokens": 12}
    whole = client.completions.create(**ask)
    check(whole.choices[0].text == case["text"], f"{case['model']} says {whole.choices[0].text!r}, not {case['text']!r}")
    check(whole.usage.prompt_tokens == len(case["prompt"]), "prompt tokens are counted")
    chunks = list(client.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    check(text == case["text"], f"{case['model']} streams {text!r}, not {case['text']!r}")
    check(chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, "a stream counts its tokens")
    check(chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason, "a stream says why it ends")

    chat = {"model": case["model"], "messages": [{"role": "user", "content": case["prompt"]}], "temperature": 0, "max_tokens": 12}
    check(client.chat.completions.create(**chat).choices[0].message.content == case["text"], "a chat gives the same answer")
    chunks = client.chat.completions.create(**chat, stream=True)
    check("".join(chunk.choices[0].delta.content or "" for chunk in chunks) == case["text"], "a chat streams the same answer")

drawn = [client.completions.create(model="tiny", prompt="x", temperature=2, seed=seed, max_tokens=20).choices[0].text for seed in (1, 1, 2)]
check(drawn[0] == drawn[1] and drawn[0] != drawn[2], f"a seed decides the draw: {drawn}")
long = next(case for case in cases if len(case["text"]) > 2)
stop = client.completions.create(model=long["model"], prompt=long["prompt"], temperature=0, max_tokens=12, stop=[long["text"][2]])
check(stop.choices[0].text == long["text"][: long["text"].index(long["text"][2])], "a stop text ends the answer")

fails(openai.NotFoundError, "a model of others is not found", model=forbidden)
fails(openai.NotFoundError, "a path is no model", model="../" + first["model"])
fails(openai.BadRequestError, "what is not supported is refused", n=2)
fails(openai.BadRequestError, "an answer longer than the context is refused", max_tokens=10**9)
fails(openai.BadRequestError, "a foreign character is refused", prompt="é")
try:
    openai.OpenAI(base_url=url, api_key="wrong", max_retries=0).models.list()
    sys.exit("FAIL a wrong key is refused")
except openai.AuthenticationError:
    check(True, "a wrong key is refused")


async def together():
    one = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=5)
    ask = lambda case: one.completions.create(model=case["model"], prompt=case["prompt"], temperature=0, max_tokens=12)
    many = cases * 8
    answers = await asyncio.gather(*map(ask, many))
    for case, answer in zip(many, answers):
        check(answer.choices[0].text == case["text"], f"under load {case['model']} says {answer.choices[0].text!r}, not {case['text']!r}")


asyncio.run(together())
print(f"openai {openai.__version__}: {checks} checks passed")
