import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { asFileError, isSalmonError, SalmonError } from '@salmon-sae/dataflow';
import type { Tokenizer } from '@salmon-sae/dataflow';
import { specialTokens } from './special-tokens.js';
import type { SpecialTokens, TokenizerFiles } from './special-tokens.js';

export interface LoadTokenizerOptions {
  /** Rows of the model's embedding; default: what config.json says. Ids of text beyond it are an error. */
  readonly modelVocabulary?: number;
}

/**
 * Loads a Hugging Face fast tokenizer from a folder: tokenizer.json, with tokenizer_config.json, special_tokens_map.json and
 * config.json where they are there (they tell the special tokens).
 *
 * Throws `missing-file` without tokenizer.json, `bad-file` for broken JSON or an unknown kind of tokenizer, and `conflict` when its ids
 * do not fit the model's vocabulary.
 */
export async function loadTokenizer(folder: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const raw = {
    tokenizer: await readText(join(folder, 'tokenizer.json')),
    config: await readText(join(folder, 'tokenizer_config.json'), true),
    map: await readText(join(folder, 'special_tokens_map.json'), true),
    model: await readText(join(folder, 'config.json'), true),
  };
  if (raw.tokenizer === undefined) {
    throw new SalmonError('missing-file', {
      what: 'There is no tokenizer here',
      where: join(folder, 'tokenizer.json'),
      todo: 'Use a model folder with a fast tokenizer (tokenizer.json); slow-only tokenizers can be converted with transformers in Python',
    });
  }
  const files: TokenizerFiles = {
    tokenizer: parse(raw.tokenizer, join(folder, 'tokenizer.json')),
    config: raw.config === undefined ? undefined : parse(raw.config, join(folder, 'tokenizer_config.json')),
    map: raw.map === undefined ? undefined : parse(raw.map, join(folder, 'special_tokens_map.json')),
    model: raw.model === undefined ? undefined : parse(raw.model, join(folder, 'config.json')),
  };
  const inner = build(files, folder);
  const vocabulary = inner.get_vocab(true);
  const special = specialTokens(files, (token) => vocabulary.get(token), folder);
  const limit = options.modelVocabulary ?? modelVocabulary(files.model);
  if (limit !== undefined) mustFit(inner.get_vocab(false), special, limit, folder);
  const hash = createHash('sha256');
  for (const text of [raw.tokenizer, raw.config ?? '', raw.map ?? '']) hash.update(text).update('\u0000');
  return new FolderTokenizer(inner, special, sizeOf(vocabulary), hash.digest('hex'));
}

class FolderTokenizer implements Tokenizer {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly pad: number;
  readonly specials: ReadonlySet<number>;
  private readonly surfaces = new Map<number, string>();

  constructor(
    private readonly inner: HuggingFaceTokenizer,
    special: SpecialTokens,
    readonly vocabulary: number,
    readonly hash: string,
  ) {
    this.bos = special.bos;
    this.eos = special.eos;
    this.pad = special.pad ?? special.eos ?? 0;
    this.specials = special.all;
  }

  encode(text: string): Int32Array {
    if (text === '') return new Int32Array(0);
    return Int32Array.from(this.inner.encode(text, { add_special_tokens: false }).ids);
  }

  decode(ids: ArrayLike<number>): string {
    return ids.length === 0 ? '' : this.inner.decode(Array.from(ids), { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  token(id: number): string {
    const known = this.surfaces.get(id);
    if (known !== undefined) return known;
    const surface = this.surfaceOf(id);
    this.surfaces.set(id, surface);
    return surface;
  }

  private surfaceOf(id: number): string {
    const piece = this.inner.id_to_token(id);
    if (piece === undefined) return `<id ${id}>`;
    if (this.specials.has(id)) return piece;
    // SentencePiece marks spaces with U+2581, and its decoder strips the one at the start of a text.
    if (piece.includes('\u2581')) return piece.replaceAll('\u2581', ' ');
    return this.decode([id]);
  }
}

async function readText(path: string, optional = false): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const known = asFileError(error, path, 'read');
    if (isSalmonError(known) && known.code === 'missing-file' && (optional || path.endsWith('tokenizer.json'))) return undefined;
    throw known;
  }
}

function parse(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw new SalmonError('bad-file', { what: 'This file is not JSON', where: path, got: String(error), todo: 'Download it again' }, { cause: error });
  }
  throw new SalmonError('bad-file', { what: 'This file is not a JSON object', where: path, todo: 'Download it again' });
}

function build(files: TokenizerFiles, folder: string): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(files.tokenizer, files.config ?? {});
  } catch (error) {
    throw new SalmonError(
      'bad-file',
      {
        what: 'This tokenizer cannot be used',
        where: join(folder, 'tokenizer.json'),
        expected: 'a tokenizer.json that @huggingface/tokenizers knows (BPE, Unigram or WordPiece)',
        got: error instanceof Error ? error.message : String(error),
      },
      { cause: error },
    );
  }
}

function sizeOf(vocabulary: ReadonlyMap<string, number>): number {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  return size;
}

function modelVocabulary(model: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const text = model?.['text_config'];
  const nested = typeof text === 'object' && text !== null && 'vocab_size' in text ? text.vocab_size : undefined;
  const size = model?.['vocab_size'] ?? nested;
  return typeof size === 'number' ? size : undefined;
}

/** Added tokens may lie beyond the embedding (Gemma 3's image token does); ordinary and sentence tokens may not. */
function mustFit(ordinary: ReadonlyMap<string, number>, special: SpecialTokens, limit: number, folder: string): void {
  const used: [string, number | undefined][] = [['BOS', special.bos], ['EOS', special.eos], ['padding', special.pad]];
  for (const [token, id] of ordinary) used.push([JSON.stringify(token), id]);
  const bad = used.find(([, id]) => id !== undefined && id >= limit);
  if (bad === undefined) return;
  throw new SalmonError('conflict', {
    what: 'The tokenizer does not fit the model',
    where: folder,
    expected: `ids below the model's vocabulary of ${limit}`,
    got: `id ${bad[1]} (${bad[0]})`,
    todo: 'Take tokenizer and weights from the same model folder',
  });
}
