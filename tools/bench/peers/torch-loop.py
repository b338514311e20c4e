"""Times SAE training as one writes it in plain PyTorch, on the first GPU it finds, and prints a JSON list: float32, and TensorFloat-32 where the card has it.

python torch-loop.py --folder DIR --arch jumprelu|batchtopk --d D --latents F --batch B --k K --steps N --warmup W --threshold T --bandwidth E --learning-rate R

DIR holds `x.bin`, at least two batches of rows, and `rows.bin`, the starting decoder [F, d], both float32; the encoder starts as the transpose.
"""

import argparse
import json
import os
import time

import torch


class Jump(torch.autograd.Function):
    """JumpReLU with the rectangle kernel's straight-through estimate for the threshold (arXiv 2407.14435 eq. 11)."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = (pre - threshold).abs() < ctx.bandwidth / 2
        return grad * (pre > threshold), (-threshold / ctx.bandwidth * near * grad).sum(0), None


class Step(torch.autograd.Function):
    """Heaviside step with the same estimate (eq. 12)."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = (pre - threshold).abs() < ctx.bandwidth / 2
        return None, (-near.to(grad.dtype) / ctx.bandwidth * grad).sum(0), None


def train(a, x, rows, device):
    w_dec = torch.nn.Parameter(rows.to(device))
    w_enc = torch.nn.Parameter(rows.T.contiguous().to(device))
    b_enc = torch.nn.Parameter(torch.zeros(a.latents, device=device))
    b_dec = torch.nn.Parameter(torch.zeros(a.d, device=device))
    threshold = torch.nn.Parameter(torch.full((a.latents,), a.threshold, device=device))
    params = [w_enc, w_dec, b_enc, b_dec] + ([threshold] if a.arch == "jumprelu" else [])
    betas = (0.0, 0.999) if a.arch == "jumprelu" else (0.9, 0.999)
    optimizer = torch.optim.Adam(params, lr=a.learning_rate, betas=betas, fused=device != "cpu")
    batches = [x[i * a.batch : (i + 1) * a.batch].to(device) for i in range(2)]
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    for step in range(a.warmup + a.steps):
        if step == a.warmup:
            wait()
            began = time.perf_counter()
        batch = batches[step % 2]
        if a.arch == "jumprelu":
            pre = batch @ w_enc + b_enc
            f = Jump.apply(pre, threshold, a.bandwidth)
            l0 = Step.apply(f, threshold, a.bandwidth).sum(-1).mean()
            extra = (l0 / a.k - 1) ** 2
        else:
            pre = torch.relu((batch - b_dec) @ w_enc + b_enc)
            top = pre.flatten().topk(a.k * a.batch, sorted=False)
            f = torch.zeros_like(pre).flatten().scatter(0, top.indices, top.values).view_as(pre)
            extra = 0
        mse = (f @ w_dec + b_dec - batch).pow(2).sum(-1).mean()
        (mse + extra).backward()
        w_dec.grad -= (w_dec.grad * w_dec).sum(-1, keepdim=True) * w_dec
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            w_dec /= w_dec.norm(dim=-1, keepdim=True)
    loss = mse.item()
    wait()
    return a.steps * a.batch / (time.perf_counter() - began), loss


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--folder", required=True)
    p.add_argument("--arch", choices=["jumprelu", "batchtopk"], required=True)
    for name in ["d", "latents", "batch", "k", "steps", "warmup"]:
        p.add_argument(f"--{name}", type=int, required=True)
    for name in ["threshold", "bandwidth", "learning-rate"]:
        p.add_argument(f"--{name}", type=float, required=True)
    a = p.parse_args()
    read = lambda name: torch.frombuffer(bytearray(open(os.path.join(a.folder, name), "rb").read()), dtype=torch.float32).view(-1, a.d)
    x, rows = read("x.bin"), read("rows.bin")
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else device
    results = []
    for who, precision in [("torch float32", "highest"), ("torch tf32", "high")] if device == "cuda" else [("torch float32", "highest")]:
        torch.set_float32_matmul_precision(precision)
        rate, mse = train(a, x, rows, device)
        results.append({"who": who, "device": name, "tokensPerSecond": rate, "mse": mse})
    print(json.dumps(results))


main()
