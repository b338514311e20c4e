import { isAbsolute, join } from 'node:path';
import { stat } from 'node:fs/promises';
import { loadLanguageModel } from '@salmon-sae/activations';
import { useBackend } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { LanguageModel } from '@salmon-sae/dataflow';
import { resolveSource } from '@salmon-sae/dataflow/hub';
import { loadSae, openSae } from '@salmon-sae/sae-core';
import type { Sae } from '@salmon-sae/sae-core';
import type { CardSet, OpenRun } from '../run/open-run.js';
import type { EncodeData, FiredData, SteerData } from '../wire.js';
import { continueText } from './continuation.js';

/** Latents shown per token and SAE. */
const SHOWN = 12;

export interface SteerRequest {
  readonly set: string;
  readonly latent: number;
  /** In multiples of the latent's largest activation in the run. */
  readonly strength: number;
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** The run's language model and SAEs, loaded; answers what the live page asks. */
export class LiveSession {
  private constructor(
    private readonly run: OpenRun,
    private readonly model: LanguageModel,
    private readonly saes: ReadonlyMap<string, Sae>,
  ) {}

  /** Loads the model of the run's configuration and every SAE that has cards. Throws `missing-file` if the model is not to be had. */
  static async open(run: OpenRun): Promise<LiveSession> {
    await useBackend();
    const { model: from } = run.files.config;
    const folder = await modelFolder(run, from.source);
    const model = await loadLanguageModel(folder, from.precision === undefined ? {} : { precision: from.precision });
    const saes = new Map<string, Sae>();
    try {
      for (const set of run.sets) if (!saes.has(set.data.sae)) saes.set(set.data.sae, openSae(await loadSae(set.saeFolder)));
      return new LiveSession(run, model, saes);
    } catch (error) {
      for (const sae of saes.values()) sae.dispose();
      model.dispose();
      throw error;
    }
  }

  /** Which latents fire on each token of a text. */
  encode(text: string): EncodeData {
    const { tokens, ids, start } = this.tokensOf(text);
    const { hook } = this.run.files.config.model;
    const values = this.model.forward(rowsOf(ids), { hooks: [hook] }).activations[hook] ?? new Float32Array();
    const width = values.length / ids.length;
    const x = values.slice(start * width);
    const sets = this.run.sets.map((set) => {
      const codes = this.sae(set).encode(x, tokens.length);
      const fired = tokens.map((_, row): readonly FiredData[] => {
        const list: FiredData[] = [];
        for (let i = codes.indptr[row] ?? 0; i < (codes.indptr[row + 1] ?? 0); i++) list.push({ latent: codes.indices[i] ?? 0, value: Number((codes.values[i] ?? 0).toPrecision(4)) });
        return list.sort((a, b) => b.value - a.value).slice(0, SHOWN);
      });
      return { set: set.data.id, fired };
    });
    return { tokens, sets };
  }

  /** The continuation of a prompt with and without a latent's decoder row added at every position. */
  async steer(request: SteerRequest): Promise<SteerData> {
    const set = this.run.set(request.set);
    const row = set?.cards.features.latent.indexOf(request.latent) ?? -1;
    if (set === undefined || row < 0) throw new SalmonError('usage', { what: 'There is no such live latent', where: request.set, got: String(request.latent) });
    const sae = this.sae(set);
    const vector = (sae.state.weights['W_dec']?.data ?? new Float32Array()).slice(request.latent * sae.outWidth, (request.latent + 1) * sae.outWidth);
    const added = request.strength * (set.cards.features.max[row] ?? 1);
    const { ids } = this.tokensOf(request.prompt);
    const plain = await continueText(this.model, ids, request);
    const edit = { hook: this.run.files.config.model.hook, kind: 'add', vector, strength: added } as const;
    const steered = request.strength === 0 ? plain : await continueText(this.model, ids, { ...request, edits: [edit] });
    return { prompt: request.prompt, plain, steered, added };
  }

  dispose(): void {
    for (const sae of this.saes.values()) sae.dispose();
    this.model.dispose();
  }

  private sae(set: CardSet): Sae {
    const sae = this.saes.get(set.data.sae);
    if (sae === undefined) throw new SalmonError('usage', { what: 'The SAE is not loaded', where: set.data.sae });
    return sae;
  }

  /** Ids with BOS in front where the model has one; the tokens shown are those of the text. */
  private tokensOf(text: string): { readonly ids: Int32Array; readonly tokens: readonly string[]; readonly start: number } {
    const { tokenizer, info } = this.model;
    const bos = tokenizer.bos === undefined ? [] : [tokenizer.bos];
    const own = tokenizer.encode(text).slice(0, info.context - bos.length);
    if (own.length === 0) throw new SalmonError('usage', { what: 'The text has no tokens', expected: 'at least one word' });
    return { ids: Int32Array.from([...bos, ...own]), tokens: Array.from(own, (id) => tokenizer.token(id)), start: bos.length };
  }
}

function rowsOf(ids: Int32Array): { readonly rows: number; readonly context: number; readonly ids: Int32Array; readonly mask: Uint8Array } {
  return { rows: 1, context: ids.length, ids, mask: new Uint8Array(ids.length).fill(1) };
}

/** A relative model path is relative to the working directory, as for the experiment, or to the run. */
async function modelFolder(run: OpenRun, source: string): Promise<string> {
  const near = join(run.folder, source);
  if (!source.startsWith('hf:') && !isAbsolute(source) && (await stat(near).catch(() => undefined))?.isDirectory()) return near;
  return resolveSource(source);
}
