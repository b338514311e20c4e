import { SalmonError, writeDirectoryAtomic, writeFileAtomic } from '@salmon-sae/dataflow';
import type { NdArray, SaeState } from '@salmon-sae/dataflow';
import { openSafetensors, writeSafetensors } from '@salmon-sae/dataflow/safetensors';
import type { SafetensorsReader } from '@salmon-sae/dataflow/safetensors';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { checkState } from '../inference/check-state.js';
import { kindOf, kindParts } from '../inference/config.js';
import { rowNorms } from '../inference/decode-rows.js';
import { foldDecoderNorm } from './fold.js';
import { hookFromModule } from './hook-names.js';
import { readJsonObject } from './read-json.js';
import { stored } from './saelens-read.js';
import { namedTensors } from './saelens-write.js';
import type { WriteOptions } from './saelens-write.js';
import { ORIGIN_FILE, originJson, readOrigin } from './salmon-origin.js';
import { checkStored, transpose } from './sae-source.js';
import type { OpenOptions, SaeSource } from './sae-source.js';

export const SPARSIFY_CONFIG = 'cfg.json';
export const SPARSIFY_WEIGHTS = 'sae.safetensors';

const count = z.int().positive();

/** cfg.json of EleutherAI's sparsify; `num_latents` 0 means d_in x expansion_factor, `signed` stood in old files. */
const schema = z.object({
  d_in: count,
  activation: z.enum(['topk', 'groupmax']).default('topk'),
  expansion_factor: count.default(32),
  normalize_decoder: z.boolean().default(true),
  num_latents: z.int().nonnegative().default(0),
  k: count.default(32),
  multi_topk: z.boolean().default(false),
  skip_connection: z.boolean().default(false),
  transcode: z.boolean().default(false),
  signed: z.literal(false).optional(),
});

/**
 * Opens a sparsify folder (cfg.json and sae.safetensors). Encoder rows are latents there; W_dec is [latents, d] already.
 * @throws SalmonError when a file is missing, a field is malformed, or a tensor is not of the config's shape.
 */
export async function openSparsify(folder: string, options: OpenOptions = {}): Promise<SaeSource> {
  const where = join(folder, SPARSIFY_CONFIG);
  const parsed = schema.safeParse(await readJsonObject(where));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SalmonError('bad-config', { what: `sparsify config: ${issue?.message ?? 'invalid'}`, where: `${where}: ${issue?.path.join('.') ?? ''}` });
  }
  const cfg = parsed.data;
  const F = cfg.num_latents || cfg.d_in * cfg.expansion_factor;
  const path = join(folder, SPARSIFY_WEIGHTS);
  const reader = await openSafetensors(options.weights ?? path);
  try {
    const tensors = stored(reader);
    const shapes: Record<string, readonly number[]> = {
      'encoder.weight': [F, cfg.d_in],
      'encoder.bias': [F],
      W_dec: [F, cfg.d_in],
      b_dec: [cfg.d_in],
      ...(cfg.skip_connection ? { W_skip: [cfg.d_in, cfg.d_in] } : {}),
    };
    checkStored(tensors, shapes, { where: path });
    // A skip connection makes it a transcoder here even where sparsify takes b_dec off the input.
    const kind = kindOf(cfg.activation, cfg.transcode || cfg.skip_connection, cfg.skip_connection) ?? cfg.activation;
    const origin = await readOrigin(folder);
    return {
      format: 'sparsify',
      config: { kind, d_in: cfg.d_in, d_sae: F, d_out: cfg.d_in, k: cfg.k, apply_b_dec_to_input: !cfg.transcode },
      site: origin?.site ?? { model: '', hook: moduleHook(basename(options.place === undefined ? folder : dirname(options.place))), width: cfg.d_in },
      facts: { normalize_decoder: cfg.normalize_decoder, multi_topk: cfg.multi_topk },
      tensors,
      ...(origin === undefined ? {} : { origin }),
      weights: () => readWeights(reader, cfg.skip_connection),
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Folders are named by the module they hook; a folder of another name says nothing. */
function moduleHook(name: string): string {
  return /(^|\.)((layers|h)\.\d+|embed_tokens|wte)(\.|$)/.test(name) ? hookFromModule(name) : '';
}

async function readWeights(reader: SafetensorsReader, skip: boolean): Promise<Record<string, NdArray>> {
  return {
    W_enc: transpose(await reader.read('encoder.weight')),
    b_enc: await reader.read('encoder.bias'),
    W_dec: await reader.read('W_dec'),
    b_dec: await reader.read('b_dec'),
    ...(skip ? { W_skip: await reader.read('W_skip') } : {}),
  };
}

/**
 * Writes a top-k or group-max SAE as a sparsify folder (and salmon.json beside it); decoder norms in the activations are folded first.
 * @throws SalmonError `unsupported` for what sparsify cannot say: other activations, run-time normalisation, an output of another width.
 */
export async function writeSparsify(state: SaeState, folder: string, options: WriteOptions = {}): Promise<void> {
  const folded = state.config['rescale_acts_by_decoder_norm'] === true ? foldDecoderNorm(state) : state;
  const config = checkState(folded, 'SAE to be written');
  const { activation, skip } = kindParts(config.kind);
  const refuse = (what: string, expected: string, got: string): never => {
    throw new SalmonError('unsupported', { what, where: folder, expected, got, todo: 'Write it as saelens' });
  };
  if (activation !== 'topk' && activation !== 'groupmax') refuse('sparsify knows no such activation', 'topk or groupmax', config.kind);
  if (config.d_in !== config.d_out) refuse('sparsify has one width for input and output', `[${config.d_in}]`, `[${config.d_out}]`);
  if (!['none', 'expected_average_only_in'].includes(config.normalize_activations)) refuse('sparsify has no run-time normalisation', 'none', config.normalize_activations);
  const { W_enc, b_enc, W_dec, b_dec, W_skip } = namedTensors(folded, config) as Record<string, NdArray>;
  const unit = rowNorms(W_dec?.data ?? new Float32Array(0), config.d_sae).every((norm) => Math.abs(norm - 1) < 1e-3);
  const cfg = {
    activation,
    expansion_factor: Math.max(1, Math.round(config.d_sae / config.d_in)),
    normalize_decoder: unit,
    num_latents: config.d_sae,
    k: config.k,
    multi_topk: false,
    skip_connection: skip,
    transcode: !config.apply_b_dec_to_input,
    d_in: config.d_in,
  };
  const tensors: Record<string, NdArray> = {
    'encoder.weight': transpose(W_enc as NdArray),
    'encoder.bias': b_enc as NdArray,
    W_dec: W_dec as NdArray,
    b_dec: b_dec as NdArray,
    ...(W_skip === undefined ? {} : { W_skip }),
  };
  await writeDirectoryAtomic(folder, async (temporary) => {
    await writeSafetensors(join(temporary, SPARSIFY_WEIGHTS), tensors, { dtype: options.dtype ?? 'F32', metadata: { format: 'pt' } });
    await writeFileAtomic(join(temporary, SPARSIFY_CONFIG), JSON.stringify(cfg));
    await writeFileAtomic(join(temporary, ORIGIN_FILE), originJson(state));
  });
}
