"""The other side of harvest.ts: the same model and tokens through transformers on PyTorch CPU; prints one JSON line.

    python harvest_transformers.py FOLDER f32|bf16 LAYER ROWS CONTEXT BATCHES
"""
import json
import resource
import sys
import time

import torch
from transformers import AutoModel


def main(folder, precision, layer, rows, context, batches):
    torch.set_num_threads(2)
    start = time.perf_counter()
    dtype = torch.bfloat16 if precision == 'bf16' else torch.float32
    model = AutoModel.from_pretrained(folder, dtype=dtype).eval()
    blocks = model.h if hasattr(model, 'h') else model.layers
    seen = {}
    blocks[layer].register_forward_hook(lambda m, i, o: seen.__setitem__('x', o[0] if isinstance(o, tuple) else o))
    load = time.perf_counter() - start
    size = rows * context
    vocabulary = model.config.vocab_size

    def run(index):
        ids = ((torch.arange(size) + index * size) * 7919 + 13) % vocabulary
        with torch.inference_mode():
            model(input_ids=ids.view(rows, context), use_cache=False)
        return seen['x'].float()

    run(0)
    total = 0.0
    start = time.perf_counter()
    for index in range(1, batches + 1):
        total += run(index).mean().item()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(engine='transformers', precision=precision, tokensPerSecond=round(batches * size / seconds),
                          loadSeconds=round(load, 1), peakMegabytes=round(peak), mean=total / batches)))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
