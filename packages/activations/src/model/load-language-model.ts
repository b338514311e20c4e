import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { useBackend } from '@salmon-sae/compute';
import { loadTokenizer } from '@salmon-sae/corpus';
import { SalmonError } from '@salmon-sae/dataflow';
import type { LanguageModel, Tokenizer } from '@salmon-sae/dataflow';
import { isHubSpec, resolveSource } from '@salmon-sae/dataflow/hub';
import type { ResolveOptions } from '@salmon-sae/dataflow/hub';
import { openSafetensorsFolder } from '@salmon-sae/dataflow/safetensors';
import { readConfig } from '../config/config-reader.js';
import type { ConfigReader } from '../config/config-reader.js';
import { families, familyOf } from '../families/families.js';
import type { Family } from '../families/family.js';
import { weightSource } from '../weights/weight-source.js';
import type { Precision } from '../weights/weight-source.js';
import { parseHook } from './hook.js';
import { modelHash } from './model-hash.js';
import { TensorLanguageModel } from './tensor-language-model.js';

export interface LoadOptions {
  /** `bf16`: weights rest and multiply in bfloat16, everything else in float32. Default `f32`. */
  readonly precision?: Precision;
  /** Default: the tokenizer of the model folder. */
  readonly tokenizer?: Tokenizer;
  /** Loads only what this hook needs: no blocks beyond it and no unembedding of its own. */
  readonly until?: string;
  /** What the model is called in results; default: the folder's name. */
  readonly id?: string;
  /** Architecture families to choose from; default: all that are built in. */
  readonly families?: readonly Family[];
  /** For `hf:` sources: cache, token, progress of the download. */
  readonly hub?: ResolveOptions;
}

/**
 * Loads a language model from a Hugging Face folder (config.json, safetensors weights in one file or sharded, tokenizer), or from
 * the hub (`hf:org/name[@revision][/folder]`).
 *
 * The tensors go to the backend one by one: nothing but one tensor is ever held twice. Throws `missing-file`, `bad-config`,
 * `unknown-architecture`, `unsupported`, `bad-file` or `bad-shape`, naming the field or tensor.
 */
export async function loadLanguageModel(source: string, options: LoadOptions = {}): Promise<LanguageModel> {
  await useBackend();
  const where = await resolveSource(source, options.hub);
  const config = await readConfig(join(where, 'config.json'));
  refuseUnsupported(config);
  const family = familyOf(config, options.families ?? families);
  const layers = family.layers(config);
  const until = options.until === undefined ? undefined : parseHook(options.until, layers);
  const precision = options.precision ?? 'f32';
  const tokenizer = options.tokenizer ?? (await folderTokenizer(where));
  const reader = await openSafetensorsFolder(where);
  const weights = weightSource(reader, { where, precision, prefixes: family.prefixes });
  try {
    const decoder = await family.load({
      config,
      weights,
      blocks: until === undefined ? layers : until.layer + 1,
      head: until === undefined,
    });
    if (!(tokenizer instanceof SalmonError)) checkTokenizer(tokenizer, decoder.vocabulary, where);
    const id = options.id ?? (isHubSpec(source) ? source.slice(3) : basename(where));
    const hash = await modelHash(where);
    const { width, vocabulary, context } = decoder;
    const info = { id, family: family.name, hash, layers, width, vocabulary, context, parameters: weights.parameters(), precision };
    return new TensorLanguageModel({ info, decoder, tokenizer, release: () => weights.dispose() });
  } catch (error) {
    weights.dispose();
    throw error;
  } finally {
    await reader.close();
  }
}

/** Refuses what would change the arithmetic of every family without being visible in the tensors. */
function refuseUnsupported(config: ConfigReader): void {
  const quantized = config.section('quantization_config') !== undefined;
  if (!quantized && !config.flag('use_bidirectional_attention', false)) return;
  throw new SalmonError('unsupported', {
    what: quantized ? 'Quantised weights are not supported' : 'Bidirectional attention is not supported',
    where: config.where,
    expected: quantized ? 'float32, float16 or bfloat16 weights' : 'a causal language model',
    todo: quantized ? 'Use the original checkpoint' : 'Use a causal model',
  });
}

/** The folder's tokenizer, or the error that says it has none. */
async function folderTokenizer(folder: string): Promise<Tokenizer | SalmonError> {
  const file = join(folder, 'tokenizer.json');
  const there = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (there) return loadTokenizer(folder);
  return new SalmonError('missing-file', {
    what: 'The model folder has no tokenizer',
    where: folder,
    expected: 'tokenizer.json beside config.json',
    todo: 'Give token ids instead of text, or pass a tokenizer',
  });
}

function checkTokenizer(tokenizer: Tokenizer, vocabulary: number, where: string): void {
  let needed = tokenizer.vocabulary;
  // Special tokens without an embedding (Gemma-3's image token) never come from text.
  while (needed > vocabulary && tokenizer.specials.has(needed - 1)) needed--;
  if (needed <= vocabulary) return;
  throw new SalmonError('bad-config', {
    what: 'The tokenizer has more tokens than the model has embeddings',
    where,
    expected: `at most ${vocabulary} tokens`,
    got: `${tokenizer.vocabulary}`,
    todo: "Use the model's own tokenizer",
  });
}
