import { SalmonError } from '@salmon-sae/dataflow';

type JsonObject = Readonly<Record<string, unknown>>;

export interface TokenizerFiles {
  readonly tokenizer: JsonObject;
  readonly config: JsonObject | undefined;
  readonly map: JsonObject | undefined;
  readonly model: JsonObject | undefined;
}

export interface SpecialTokens {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly pad: number | undefined;
  readonly all: ReadonlySet<number>;
}

/**
 * Which ids are special. The tokenizer's own files decide; config.json is asked only where they do not speak of a token at all, because
 * models that have no BOS (Qwen) say `null` there and yet name an id in config.json. Ids may be 0.
 */
export function specialTokens(files: TokenizerFiles, idOf: (token: string) => number | undefined, folder: string): SpecialTokens {
  const find = (name: 'bos' | 'eos' | 'pad' | 'unk'): number | undefined => {
    for (const file of [files.config, files.map]) {
      const entry = file?.[`${name}_token`];
      if (entry === undefined) continue;
      if (entry === null) return undefined;
      const token = contentOf(entry);
      const id = token === undefined ? undefined : idOf(token);
      if (id !== undefined) return id;
      throw new SalmonError('bad-file', {
        what: `The ${name} token is not in the vocabulary`,
        where: folder,
        got: JSON.stringify(entry),
        todo: 'Download the tokenizer files again',
      });
    }
    const id = files.model?.[`${name}_token_id`];
    const first: unknown = Array.isArray(id) ? id[0] : id;
    return typeof first === 'number' && Number.isInteger(first) && first >= 0 ? first : undefined;
  };
  const named = { bos: find('bos'), eos: find('eos'), pad: find('pad') };
  const all = new Set<number>();
  for (const id of [named.bos, named.eos, named.pad, find('unk')]) if (id !== undefined) all.add(id);
  const added = files.tokenizer['added_tokens'];
  for (const token of Array.isArray(added) ? (added as unknown[]) : []) {
    if (typeof token === 'object' && token !== null && 'special' in token && token.special === true && 'id' in token && typeof token.id === 'number') {
      all.add(token.id);
    }
  }
  return { ...named, all };
}

function contentOf(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  if (typeof entry === 'object' && entry !== null && 'content' in entry && typeof entry.content === 'string') return entry.content;
  return undefined;
}
