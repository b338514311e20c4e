"""Times one of the peers' own trainers, or its SAE's encode and decode, on a file of activations and prints one JSON object.

python train.py --peer dictionary_learning|saelens --arch jumprelu|batchtopk --file F --steps N --warmup W --threads T [--inference]

The file (safetensors) holds `activations` [N, d], the starting decoder rows `W_dec` [F, d] (the encoder is their transpose) and `threshold` [1].
"""

import argparse
import json
import resource
import time

import torch
from safetensors.torch import load_file


def batches(x, rows):
    i = 0
    while True:
        if i + rows > x.shape[0]:
            i = 0
        yield x[i : i + rows]
        i += rows


def dictionary_learning(a, x, W_dec, threshold):
    F, d = W_dec.shape
    common = dict(steps=10**9, activation_dim=d, dict_size=F, layer=0, lm_name="bench", lr=a.lr, warmup_steps=0, device="cpu")
    if a.arch == "jumprelu":
        from dictionary_learning.trainers.jumprelu import JumpReluTrainer

        t = JumpReluTrainer(**common, seed=0, bandwidth=a.bandwidth, sparsity_warmup_steps=0, target_l0=float(a.k))
        t.ae.W_dec.data = W_dec.clone()
        t.ae.W_enc.data = W_dec.T.contiguous()
        t.ae.threshold.data.fill_(threshold)
    else:
        from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer

        t = BatchTopKTrainer(**common, seed=0, k=a.k)
        t.ae.decoder.weight.data = W_dec.T.contiguous()
        t.ae.encoder.weight.data = W_dec.clone()

    state = {"step": 1}  # step 0 would replace b_dec by the geometric median

    def step(batch):
        loss = t.update(state["step"], batch)
        state["step"] += 1
        return loss if loss is not None else None

    def measure(batch):
        with torch.no_grad():
            if a.arch == "jumprelu":
                f = t.ae.encode(batch)
            else:
                f = t.ae.encode(batch, use_threshold=False)
            mse = (t.ae.decode(f) - batch).pow(2).sum(-1).mean().item()
            return mse, (f != 0).float().sum(-1).mean().item()

    return step, measure


def saelens(a, x, W_dec, threshold):
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    F, d = W_dec.shape
    if a.arch == "jumprelu":
        from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAE as Sae, JumpReLUTrainingSAEConfig as Config

        cfg = Config(d_in=d, d_sae=F, apply_b_dec_to_input=False, jumprelu_init_threshold=threshold, jumprelu_bandwidth=a.bandwidth, jumprelu_sparsity_loss_mode="quadratic", target_l0=float(a.k), l0_coefficient=1.0)
    else:
        from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE as Sae, BatchTopKTrainingSAEConfig as Config

        cfg = Config(d_in=d, d_sae=F, k=float(a.k))
    sae = Sae(cfg)
    sae.W_dec.data = W_dec.clone()
    sae.W_enc.data = W_dec.T.contiguous()
    trainer = SAETrainer(
        SAETrainerConfig(total_training_samples=10**9 * a.batch, train_batch_size_samples=a.batch, lr=a.lr, lr_end=a.lr, adam_beta1=0.0 if a.arch == "jumprelu" else 0.9, logger=LoggingConfig(log_to_wandb=False)),
        sae,
        data_provider=batches(x, a.batch),
    )

    def step(batch):
        out = trainer._train_step(sae=sae, sae_in=batch)
        trainer.n_training_steps += 1
        return out.loss.item()

    def measure(batch):
        with torch.no_grad():
            f = sae.encode(batch)
            mse = (sae.decode(f) - batch).pow(2).sum(-1).mean().item()
            return mse, (f != 0).float().sum(-1).mean().item()

    return step, measure


def dictionary_learning_sae(W_dec, threshold):
    from dictionary_learning.dictionary import JumpReluAutoEncoder

    F, d = W_dec.shape
    ae = JumpReluAutoEncoder(d, F, device="cpu")
    ae.W_dec.data = W_dec.clone()
    ae.W_enc.data = W_dec.T.contiguous()
    ae.threshold.data.fill_(threshold)
    return ae


def saelens_sae(W_dec, threshold):
    from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig

    F, d = W_dec.shape
    sae = JumpReLUSAE(JumpReLUSAEConfig(d_in=d, d_sae=F, apply_b_dec_to_input=False))
    sae.W_dec.data = W_dec.clone()
    sae.W_enc.data = W_dec.T.contiguous()
    sae.threshold.data.fill_(threshold)
    return sae


def inference(a, x, W_dec, threshold):
    sae = {"dictionary_learning": dictionary_learning_sae, "saelens": saelens_sae}[a.peer](W_dec, threshold)

    @torch.no_grad()
    def step(batch):
        return sae.decode(sae.encode(batch))

    @torch.no_grad()
    def measure(batch):
        f = sae.encode(batch)
        return (sae.decode(f) - batch).pow(2).sum(-1).mean().item(), (f != 0).float().sum(-1).mean().item()

    return step, measure


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--peer", required=True)
    p.add_argument("--arch", required=True)
    p.add_argument("--file", required=True)
    p.add_argument("--batch", type=int, required=True)
    p.add_argument("--k", type=int, default=64)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("--lr", type=float, default=1e-4)
    p.add_argument("--inference", action="store_true")
    p.add_argument("--bandwidth", type=float, default=0.001)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    data = load_file(a.file)
    x, W_dec, threshold = data["activations"], data["W_dec"], data["threshold"].item()
    trainers = {"dictionary_learning": dictionary_learning, "saelens": saelens}
    step, measure = (inference if a.inference else trainers[a.peer])(a, x, W_dec, threshold)
    source = batches(x, a.batch)
    seconds = []
    for i in range(a.warmup + a.steps):
        batch = next(source)
        began = time.perf_counter()
        step(batch)
        if i >= a.warmup:
            seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    mse, l0 = measure(x[: a.batch])
    print(json.dumps({"who": a.peer, "seconds": seconds, "peakBytes": peak, "mse": mse, "l0": l0, "version": torch.__version__}))


main()
