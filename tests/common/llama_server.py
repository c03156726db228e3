"""llama.cpp's own HTTP server on a free port: prints its address, ends when standard input ends.

usage: python llama_server.py MODEL.gguf KEY
"""

import sys

import xllamacpp

model, key = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.n_ctx = 4096
params.n_parallel = 1
params.api_keys = [key]
# On a busy machine two threads that wait for each other are far slower than one.
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
