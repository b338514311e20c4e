// Trains every architecture on the same synthetic activations, whose features are known, and prints the table of the sae-core README:
//   npm run run -- tools/bench/synthetic.ts [--steps 1500] [--seed 0] [--json]
// Architectures without a target for L0 are trained with several coefficients; the one whose L0 is nearest to the truth is shown.
import { parseArgs } from 'node:util';
import { useBackend } from '@salmon-sae/compute';
import {
  batchTopK,
  gated,
  groundTruth,
  jumprelu,
  matchingPursuit,
  matryoshka,
  msae,
  openSae,
  recovery,
  reweighted,
  sampleTruth,
  scaleSae,
  standard,
  switchSae,
  syntheticBatches,
  topK,
  train,
  variational,
} from '@salmon-sae/sae-core';
import type { Recovery, TrainSpec } from '@salmon-sae/sae-core';
import type { SaeState } from '@salmon-sae/dataflow';

const { values: given } = parseArgs({
  options: { steps: { type: 'string', default: '1500' }, seed: { type: 'string', default: '0' }, json: { type: 'boolean', default: false } },
});
const seed = Number(given.seed);
const steps = Number(given.steps);
const BATCH = 256;

const truth = groundTruth({ width: 32, features: 64, meanActive: 3, parents: 3, pairs: 3, circles: 1, dense: 1, products: 3, seed });
const sample = sampleTruth(truth, 4096, seed + 1);
const trueL0 = sample.codes.indices.length / sample.rows;
const k = Math.round(trueL0);
const latents = 80;

/** Specs that share the part of their id before the first `_` are settings of one architecture. */
const specs: readonly TrainSpec[] = [
  ...[0.1, 0.2, 0.4].map((l1) => ({ id: `standard_l1-${l1}`, sae: standard({ latents, l1Coefficient: l1 }) })),
  ...[0.05, 0.1, 0.2].map((l1) => ({ id: `gated_l1-${l1}`, sae: gated({ latents, l1Coefficient: l1 }) })),
  { id: 'jumprelu', sae: jumprelu({ latents, targetL0: k, bandwidth: 0.05, initThreshold: 0.05 }) },
  { id: 'topk', sae: topK({ latents, k }) },
  { id: 'batchtopk', sae: batchTopK({ latents, k }) },
  { id: 'matryoshka', sae: matryoshka({ latents, k }) },
  { id: 'msae', sae: msae({ latents, ks: [k, 2 * k, 4 * k] }) },
  { id: 'switch', sae: switchSae({ latents, k, experts: 4 }) },
  { id: 'scale', sae: scaleSae({ latents, k, experts: 4, activeExperts: 2 }) },
  ...[0.01, 0.1, 0.5].map((kl) => ({ id: `variational_kl-${kl}`, sae: variational({ latents, k, klCoefficient: kl }) })),
  { id: 'matching-pursuit', sae: matchingPursuit({ latents, maxIterations: k, residualThreshold: 0.05 }) },
  { id: 'reweighted', sae: reweighted(topK({ latents, k })) },
];

await useBackend();
const done = new Map<string, SaeState>();
const started = performance.now();
await new Promise<void>((resolve, reject) => {
  syntheticBatches(truth, { rows: BATCH, batches: steps, seed: seed + 2 })
    .pipe(train(specs, { training: { steps, batch: BATCH, seed, learningRate: 4e-3, deadAfter: BATCH * 200, logEvery: steps } }))
    .subscribe({ next: (event) => void (event.kind === 'done' && done.set(event.sae, event.state)), error: reject, complete: resolve });
});
const seconds = (performance.now() - started) / 1000;

interface Row {
  readonly id: string;
  readonly result: Recovery;
}

const best = new Map<string, Row>();
for (const [id, state] of done) {
  const sae = openSae(state);
  const result = recovery(truth, sae, sample);
  sae.dispose();
  const kind = id.split('_')[0] as string;
  const held = best.get(kind);
  if (held === undefined || Math.abs(result.l0 - trueL0) < Math.abs(held.result.l0 - trueL0)) best.set(kind, { id, result });
}

if (given.json) console.log(JSON.stringify({ trueL0, steps, seconds, rows: [...best.values()] }));
else {
  const cell = (value: number, digits = 2): string => value.toFixed(digits);
  console.log(`${truth.config.features} features in ${truth.config.width} dimensions, ${latents} latents, true L0 ${cell(trueL0, 1)}, ${steps} steps of ${BATCH} rows, seed ${seed}; ${seconds.toFixed(0)} s for all\n`);
  console.log('| architecture | L0 | explained | mean max cosine | matched | F1 | absorption | latents per circle | dead |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const { id, result: r } of best.values()) {
    console.log(`| ${id.replace('_', ', ').replace('-0', ' 0')} | ${cell(r.l0, 1)} | ${cell(r.explained, 3)} | ${cell(r.meanMaxCosine)} | ${cell(r.matched)} | ${cell(r.f1)} | ${cell(r.absorption)} | ${cell(r.latentsPerCircle, 1)} | ${r.dead} |`);
  }
}
