import { useBackend } from '@salmon-sae/compute';
import { SalmonError } from '@salmon-sae/dataflow';
import type { Explanation, FeatureCard, FeatureContext, LanguageModel, LogitEffect, NdArray, Tokenizer } from '@salmon-sae/dataflow';
import type { ExampleBook } from '../examples/example-book.js';
import type { Example, LatentExamples, Pool } from '../examples/examples.js';
import { nearestLatents } from './nearest-latents.js';
import type { Neighbour } from './nearest-latents.js';

/** One SAE of a comparison. */
export interface CardArm {
  /** Name under which the book knows it. */
  readonly sae: string;
  /** [latents, width]: decoder rows in the space of the hook. */
  readonly decoder: NdArray;
  readonly explanations?: ReadonlyMap<number, Explanation>;
  /** Classes of the dense latents; a latent that is not in the map is not dense. Without it cards do not say. */
  readonly denseClasses?: ReadonlyMap<number, string>;
}

export interface CardSources {
  readonly book: ExampleBook;
  readonly tokenizer: Pick<Tokenizer, 'token'>;
  /** Gives the logit effects; without it cards have none. */
  readonly model?: Pick<LanguageModel, 'logitEffects'>;
  /** Arms in which neighbours are looked for. */
  readonly others?: readonly CardArm[];
}

export interface CardOptions {
  /** Default: every latent that fired. */
  readonly latents?: readonly number[];
  readonly top?: number;
  readonly perQuantile?: number;
  readonly logits?: number;
  readonly neighbours?: number;
}

/** Cards of one arm's latents, all in memory. */
export async function featureCards(arm: CardArm, sources: CardSources, options: CardOptions = {}): Promise<readonly FeatureCard[]> {
  const out: FeatureCard[] = [];
  for await (const card of eachFeatureCard(arm, sources, options)) out.push(card);
  return out;
}

const CHUNK = 256;

/** The same one by one, for writing cards of many latents in bounded memory. */
export async function* eachFeatureCard(arm: CardArm, sources: CardSources, options: CardOptions = {}): AsyncGenerator<FeatureCard> {
  await useBackend();
  const { book } = sources;
  const latents = options.latents ?? [...book.live(arm.sae)];
  const statistics = book.statistics(arm.sae);
  const width = arm.decoder.shape[1] ?? 0;
  const rows = arm.decoder.shape[0] ?? 0;
  for (const latent of latents) {
    if (latent >= rows) {
      throw new SalmonError('bad-shape', { what: 'A latent has no decoder row', where: arm.sae, expected: `less than ${rows}`, got: String(latent) });
    }
  }
  for (let first = 0; first < latents.length; first += CHUNK) {
    const chunk = latents.slice(first, first + CHUNK);
    const directions = new Float32Array(chunk.length * width);
    chunk.forEach((latent, i) => directions.set(arm.decoder.data.subarray(latent * width, (latent + 1) * width), i * width));
    const effects = sources.model?.logitEffects(directions, chunk.length, options.logits ?? 10);
    const near = (sources.others ?? []).map((other) => ({
      sae: other.sae,
      lists: nearestLatents(arm.decoder, other.decoder, { k: options.neighbours ?? 3, latents: chunk }),
    }));
    const effect = (items: readonly { readonly id: number; readonly value: number }[] | undefined): readonly LogitEffect[] =>
      (items ?? []).map(({ id, value }) => ({ token: sources.tokenizer.token(id), value }));
    for (const [i, latent] of chunk.entries()) {
      const examples = book.latent(arm.sae, latent);
      const explanation = arm.explanations?.get(latent);
      yield {
        sae: arm.sae,
        latent,
        density: examples.density,
        maxActivation: examples.maxActivation,
        contexts: contexts(examples, sources.tokenizer, options),
        promoted: effect(effects?.[i]?.promoted),
        suppressed: effect(effects?.[i]?.suppressed),
        neighbours: near.flatMap(({ sae, lists }) => (lists[i] as readonly Neighbour[]).map((n) => ({ sae, ...n }))),
        ...(explanation === undefined ? {} : { explanation }),
        histogram: statistics.histogram(latent),
        domainShare: statistics.domainShare(latent),
        ...(arm.denseClasses === undefined ? {} : { denseClass: arm.denseClasses.get(latent) ?? null }),
      };
    }
  }
}

/** Top list of both pools together, then some windows of each quantile, the scorer's and the explainer's in turn. */
function contexts(examples: LatentExamples, tokenizer: Pick<Tokenizer, 'token'>, options: CardOptions): readonly FeatureContext[] {
  const { explainer, scorer } = examples;
  const from = (pool: Pool, list: readonly Example[]): readonly Pooled[] => list.map((example) => ({ example, pool }));
  const top = [...from('explainer', explainer.top), ...from('scorer', scorer.top)].sort((a, b) => b.example.peak - a.example.peak).slice(0, options.top ?? 10);
  const per = options.perQuantile ?? 2;
  const sampled = scorer.quantiles.flatMap((list, q) => {
    const [own, other] = [from('scorer', list), from('explainer', explainer.quantiles[q] ?? [])];
    const mixed: Pooled[] = [];
    for (let i = 0; i < Math.max(own.length, other.length); i++) for (const e of [own[i], other[i]]) if (e !== undefined) mixed.push(e);
    return mixed.slice(0, per);
  });
  return [...top, ...sampled].map(({ example, pool }) => ({
    doc: example.doc,
    domain: example.domain,
    tokens: Array.from(example.ids, (id) => tokenizer.token(id)),
    activations: Array.from(example.activations),
    peak: example.peak,
    quantile: example.quantile,
    pool,
  }));
}

interface Pooled {
  readonly example: Example;
  readonly pool: Pool;
}
