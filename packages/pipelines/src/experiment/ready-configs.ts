import { join } from 'node:path';
import type { ExperimentConfig } from './config.js';
import { embeddedDefault } from './defaults.js';

export interface ReadyOptions {
  /** Folder of the bundled language model. */
  readonly model: string;
  /** Folder of the corpora that `datasets/` describes. */
  readonly data: string | undefined;
}

/** Configurations by name, for `salmon experiment NAME`. */
export const READY_CONFIGS: Readonly<Record<string, (options: ReadyOptions) => ExperimentConfig>> = {
  'wordnet-medical': ({ model }) => embeddedDefault(model),
  'medical-real': medicalReal,
  'salmon-2b': () => salmonOnGemma('2b'),
  'salmon-9b': () => salmonOnGemma('9b'),
};

/** Those that read corpora from a folder the user gives. */
export const NEEDS_DATA: ReadonlySet<string> = new Set(['medical-real']);

/** Real consumer-health text against Wikipedia, books and speeches, statutes and chemistry as further domains; three seeds. */
function medicalReal({ model, data = '' }: ReadyOptions): ExperimentConfig {
  const base = embeddedDefault(model);
  const file = (name: string, part: 'train' | 'eval') => ({ kind: 'jsonl', path: join(data, `${name}.${part}.jsonl`) }) as const;
  const broadOf = (part: 'train' | 'eval') =>
    ({
      kind: 'mix',
      seed: 3,
      sources: ['broad_wiki', 'broad_books', 'broad_speech'].map((name) => ({ source: file(name, part), weight: name === 'broad_wiki' ? 2 : 1 })),
    }) as const;
  const domain = (name: string, title: string) => ({ name, title, source: file(name, 'train'), evalSource: file(name, 'eval') });
  return {
    ...base,
    name: 'medical-real',
    title: 'Consumer health questions against general English',
    model: { ...base.model, context: 256, batchRows: 16 },
    broad: { name: 'broad', title: 'Wikipedia, books and speeches', source: broadOf('train'), evalSource: broadOf('eval') },
    domains: [domain('medical_qa', 'Consumer health questions and answers'), domain('legal', 'Statutes'), domain('chemistry', 'Chemistry textbook')],
    tokens: { train: 300_000, eval: 40_000, loss: 10_000 },
    grid: { ...base.grid, seedsAt: 'headline' },
    boosting: { ...base.boosting, sweep: { k: [1, 3, 6], tokens: [100_000, 300_000] } },
    arms: ['broad', 'domain', 'boosted', 'full-finetune', 'extended-random', 'extended-active', 'stitched'],
  };
}

const GEMMA = {
  '2b': {
    source: 'hf:google/gemma-2-2b',
    facts: { parameters: 2_614_341_888, width: 2304, layers: 26, vocabulary: 256_000, downloadBytes: 5_240_000_000 },
    latents: 16_384,
    repository: 'google/gemma-scope-2b-pt-res',
    l0: [22, 38, 71, 139, 294],
  },
  '9b': {
    source: 'hf:google/gemma-2-9b',
    facts: { parameters: 9_241_705_984, width: 3584, layers: 42, vocabulary: 256_000, downloadBytes: 18_500_000_000 },
    latents: 16_384,
    repository: 'google/gemma-scope-9b-pt-res',
    l0: [11, 20, 36, 58, 68, 138, 310, 408],
  },
} as const;

/** The settings of arXiv 2508.09363: layer 20, 49 M tokens of clinical questions, six targets, Gemma Scope as the broad arm. */
function salmonOnGemma(size: '2b' | '9b'): ExperimentConfig {
  const gemma = GEMMA[size];
  const base = embeddedDefault('');
  return {
    ...base,
    name: `salmon-${size}`,
    title: `Gemma-2-${size}: clinical questions against Gemma Scope`,
    model: { source: gemma.source, hook: 'resid_post.20', precision: 'bf16', context: 1024, batchRows: 4, facts: gemma.facts },
    broad: { name: 'broad', title: 'Pile (uncopyrighted)', source: { kind: 'parquet', path: 'pile-uncopyrighted.parquet' } },
    domains: [{ name: 'medical', title: 'Clinical questions and answers', source: { kind: 'parquet', path: 'medical-qa-combined.parquet', fields: { domain: 'source_dataset' } } }],
    split: { seed: 7, evalShare: 0.02 },
    tokens: { train: 49_000_000, eval: 200_000, loss: 100_000 },
    broadSaes: gemma.l0.map((l0) => ({ source: `hf:${gemma.repository}/layer_20/width_16k/average_l0_${l0}`, latents: gemma.latents, l0 })),
    grid: { latents: [gemma.latents], targetL0: [20, 40, 80, 160, 320, 640], seeds: [0, 1, 2], headline: { latents: gemma.latents, targetL0: 80 }, seedsAt: 'headline' },
    boosting: { latents: 1024, k: 5, epochs: 1 },
    training: { ...base.training, batch: 2048, epochs: 1, learningRate: 3e-4, reservoir: 250_000 },
    interpretation: { latents: 500, window: 32, minExamples: 100 },
  };
}
