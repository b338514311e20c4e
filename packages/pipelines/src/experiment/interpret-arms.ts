import { openWordNet } from '@salmon-sae/autointerp';
import type { Explanation, FeatureCard, Json, TokenBatch } from '@salmon-sae/dataflow';
import { writeFileAtomic } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import { cardsOf, interpretSaes } from '../interpretation/index.js';
import type { Interpreted } from '../interpretation/index.js';
import type { CorpusConfig } from './config.js';
import type { PlannedSae } from './plan.js';
import { checkpointHere, withSaes } from './session.js';
import type { Session } from './session.js';
import { heldOut } from './texts.js';
import type { TrainedSae } from './train-arms.js';

/** Balanced accuracy of detecting one latent by its explanation, beside its two chance controls; null where a control could not be scored. */
export interface DetectedLatent {
  readonly latent: number;
  readonly score: number;
  /** With another latent's explanation. */
  readonly shuffled: number | null;
  /** Of a random direction that is as dense, explained and judged the same way. */
  readonly random: number | null;
}

/** Interpretability of one SAE: detection scores of a random sample of its latents, and cards of every live latent. */
export interface InterpretedSae {
  readonly sae: string;
  readonly arm: string;
  readonly text: string;
  readonly detection: readonly DetectedLatent[];
  /** Latents with enough windows to be scored, from which the sample was drawn. */
  readonly eligible: number;
  /** File with the cards, relative to the run directory: one JSON object a line. */
  readonly cards: string;
}

/** Explains and scores latents of the headline SAEs on one text's held-out documents, offline, beside shuffled explanations and random directions. */
export async function interpretText(
  session: Session,
  corpus: CorpusConfig,
  saes: { readonly keys: readonly string[]; readonly plans: readonly PlannedSae[]; readonly trained: readonly TrainedSae[] },
): Promise<readonly InterpretedSae[]> {
  const { config, run } = session;
  const contrast = contrastTo(session, corpus);
  const inputs = { version: 3, corpus, contrast, model: config.model, modelHash: session.model.info.hash, split: config.split, tokens: config.tokens.eval, interpretation: config.interpretation, saes: saes.keys, names: saes.trained.map((sae) => sae.name) } as unknown as Json;
  const stage = await run.stage(`interpret/${corpus.name}`, inputs, async () => {
    const rows = await heldOut(session, corpus, config.tokens.eval);
    const beside = await heldOut(session, contrast, config.tokens.eval);
    return withSaes(saes.trained.map((sae) => run.file(sae.path)), (open) => interpret(session, { corpus, rows, contrast: beside, saes, open })) as unknown as Promise<Json>;
  });
  return stage.result as unknown as readonly InterpretedSae[];
}

interface Task {
  readonly corpus: CorpusConfig;
  readonly rows: readonly TokenBatch[];
  /** As many tokens of another domain, for each latent's share of activity by domain. */
  readonly contrast: readonly TokenBatch[];
  readonly saes: { readonly plans: readonly PlannedSae[]; readonly trained: readonly TrainedSae[] };
  readonly open: readonly Sae[];
}

async function interpret(session: Session, task: Task): Promise<readonly InterpretedSae[]> {
  const { config, model } = session;
  const stage = `interpret ${task.corpus.name}`;
  const saes = task.saes.trained.flatMap(({ name }, i) => {
    const sae = task.open[i];
    return sae === undefined ? [] : [{ name, sae }];
  });
  const reading = { model, hook: config.model.hook, rows: task.rows, contrast: task.contrast, saes };
  const interpretation = await interpretSaes(reading, {
    client: { kind: 'lexical', taxonomy: await openWordNet() },
    scorers: ['detection', 'fuzzing'],
    latents: config.interpretation.latents,
    minExamples: config.interpretation.minExamples,
    seed: config.split.seed,
    controls: true,
    examples: { window: config.interpretation.window },
    ...(session.signal === undefined ? {} : { signal: session.signal }),
    onProgress: (note, done, total, unit) => session.listener({ kind: 'progress', stage, done, total, unit, note }),
  });
  checkpointHere(session);
  const results: InterpretedSae[] = [];
  for (const [index, one] of interpretation.saes.entries()) {
    const plan = task.saes.plans.find((each) => each.name === one.name);
    if (plan === undefined) continue;
    const cards: string[] = [];
    for await (const card of cardsOf(reading, interpretation, [one.name])) {
      checkpointHere(session);
      cards.push(JSON.stringify(compact(card)));
    }
    const path = `cards/${task.corpus.name}/${one.name}.jsonl`;
    await writeFileAtomic(session.run.file(path), `${cards.join('\n')}\n`);
    results.push({ sae: one.name, arm: plan.arm, text: task.corpus.name, detection: detectedLatents(one), eligible: one.eligible, cards: path });
    session.listener({ kind: 'progress', stage, done: index + 1, total: saes.length, unit: 'SAEs', note: 'cards' });
  }
  return results;
}

/** The sample's detection scores, each beside the random direction that stands for the latent. */
function detectedLatents({ drawn, scored, random }: Interpreted): readonly DetectedLatent[] {
  return scored.flatMap(({ latent, explanation }): readonly DetectedLatent[] => {
    const own = detectionScore(explanation);
    if (own === undefined) return [];
    const chance = random.find((one) => one.latent === drawn.indexOf(latent));
    return [{ latent, score: own.value, shuffled: finite(own.control), random: finite(chance === undefined ? undefined : detectionScore(chance.explanation)?.value) }];
  });
}

function detectionScore({ scores }: Explanation): Explanation['scores'][number] | undefined {
  return scores.find(({ scorer, metric, value }) => scorer === 'detection' && metric === 'balancedAccuracy' && Number.isFinite(value));
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** The text whose activity the cards set against a corpus: the broad one, and for the broad one the first domain. */
function contrastTo({ config }: Session, corpus: CorpusConfig): CorpusConfig {
  return corpus.name === config.broad.name ? (config.domains[0] ?? corpus) : config.broad;
}

/** Six digits are more than anyone reads, and a quarter of the bytes. */
function compact(card: FeatureCard): FeatureCard {
  const short = (value: number): number => Number(value.toPrecision(5));
  return { ...card, contexts: card.contexts.map((context) => ({ ...context, activations: context.activations.map(short), peak: short(context.peak) })) };
}
