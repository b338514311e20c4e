import { collectExamples, contentPositions, eachFeatureCard, lexicalExplainer, lexicalJudge, openWordNet, scoreExplanations } from '@salmon-sae/autointerp';
import type { CardArm, Explained, ExampleBook, Taxonomy } from '@salmon-sae/autointerp';
import type { Explanation, FeatureCard, Json, NdArray, TokenBatch } from '@salmon-sae/dataflow';
import { random, run as runToEnd, writeFileAtomic } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import { from, map, tap } from 'rxjs';
import type { CorpusConfig } from './config.js';
import type { PlannedSae } from './plan.js';
import { checkpointHere, withSaes } from './session.js';
import type { Session } from './session.js';
import { heldOut, ordinaryTokens } from './texts.js';
import type { TrainedSae } from './train-arms.js';

/** Interpretability of one SAE: detection scores of a random sample of its latents, and cards of every live latent. */
export interface InterpretedSae {
  readonly sae: string;
  readonly arm: string;
  readonly text: string;
  /** Balanced accuracy of each scored latent, and the same with another latent's explanation. */
  readonly detection: readonly { readonly latent: number; readonly score: number; readonly control: number | null }[];
  /** Latents with enough windows to be scored, from which the sample was drawn. */
  readonly eligible: number;
  /** File with the cards, relative to the run directory: one JSON object a line. */
  readonly cards: string;
}

/** Explains and scores latents of the headline SAEs on one text's held-out documents. */
export async function interpretText(
  session: Session,
  corpus: CorpusConfig,
  saes: { readonly keys: readonly string[]; readonly plans: readonly PlannedSae[]; readonly trained: readonly TrainedSae[] },
): Promise<readonly InterpretedSae[]> {
  const { config, run } = session;
  const inputs = { corpus, model: config.model, modelHash: session.model.info.hash, split: config.split, tokens: config.tokens.eval, interpretation: config.interpretation, saes: saes.keys, names: saes.trained.map((sae) => sae.name) } as unknown as Json;
  const stage = await run.stage(`interpret/${corpus.name}`, inputs, async () => {
    const rows = await heldOut(session, corpus, config.tokens.eval);
    return withSaes(saes.trained.map((sae) => run.file(sae.path)), (open) => interpret(session, { corpus, rows, saes, open })) as unknown as Promise<Json>;
  });
  return stage.result as unknown as readonly InterpretedSae[];
}

interface Task {
  readonly corpus: CorpusConfig;
  readonly rows: readonly TokenBatch[];
  readonly saes: { readonly plans: readonly PlannedSae[]; readonly trained: readonly TrainedSae[] };
  readonly open: readonly Sae[];
}

async function interpret(session: Session, task: Task): Promise<readonly InterpretedSae[]> {
  const { config, model } = session;
  const book = await collect(session, task);
  const taxonomy = await openWordNet();
  const arms: CardArm[] = task.saes.trained.map(({ name }, i) => ({ sae: name, decoder: decoderOf(task.open[i]) }));
  const results: InterpretedSae[] = [];
  for (const [index, { name }] of task.saes.trained.entries()) {
    const arm = arms[index];
    const plan = task.saes.plans.find((each) => each.name === name);
    if (arm === undefined || plan === undefined) continue;
    const scored = await explainAndScore(session, { book, sae: name, taxonomy });
    const cards: string[] = [];
    const sources = { book, tokenizer: model.tokenizer, model, others: arms.filter((other) => other !== arm) };
    for await (const card of eachFeatureCard({ ...arm, explanations: scored.explanations }, sources)) {
      checkpointHere(session);
      cards.push(JSON.stringify(compact(card)));
    }
    const path = `cards/${task.corpus.name}/${name}.jsonl`;
    await writeFileAtomic(session.run.file(path), `${cards.join('\n')}\n`);
    results.push({ sae: name, arm: plan.arm, text: task.corpus.name, detection: scored.detection, eligible: scored.eligible, cards: path });
    session.listener({ kind: 'progress', stage: `interpret ${task.corpus.name}`, done: index + 1, total: arms.length, unit: 'SAEs', note: config.interpretation.latents > 0 ? `${scored.detection.length} latents scored` : '' });
  }
  return results;
}

async function collect(session: Session, task: Task): Promise<ExampleBook> {
  const { config, model } = session;
  const { hook } = config.model;
  const width = model.hookWidth(hook);
  const shapes = task.saes.trained.map(({ name }, i) => ({ name, latents: task.open[i]?.latents ?? 0 }));
  let done = 0;
  const book = await runToEnd(
    from(task.rows).pipe(
      tap((tokens) => {
        checkpointHere(session);
        done += ordinaryTokens(tokens);
        session.listener({ kind: 'progress', stage: `interpret ${task.corpus.name}`, done, total: config.tokens.eval, unit: 'tokens', note: 'contexts' });
      }),
      map((tokens) => {
        const values = model.forward(tokens, { hooks: [hook] }).activations[hook] ?? new Float32Array();
        const positions = contentPositions(tokens);
        const x = new Float32Array(positions.length * width);
        positions.forEach((at, row) => x.set(values.subarray(at * width, (at + 1) * width), row * width));
        const coded = Object.fromEntries(
          shapes.flatMap(({ name }, i) => {
            const sae = task.open[i];
            return sae === undefined ? [] : [[name, { codes: sae.encode(x, positions.length), positions }] as const];
          }),
        );
        return { tokens, coded };
      }),
      collectExamples(shapes, { window: config.interpretation.window, seed: config.split.seed }),
    ),
  );
  if (book === undefined) throw new Error('collectExamples emitted nothing');
  return book;
}

async function explainAndScore(
  session: Session,
  task: { readonly book: ExampleBook; readonly sae: string; readonly taxonomy: Taxonomy },
): Promise<{ readonly explanations: ReadonlyMap<number, Explanation>; readonly detection: InterpretedSae['detection']; readonly eligible: number }> {
  const { interpretation, split } = session.config;
  const { book, sae, taxonomy } = task;
  const eligible = [...book.live(sae, interpretation.minExamples)];
  const { tokenizer } = session.model;
  const explainer = lexicalExplainer(book, { tokenizer, taxonomy });
  const judge = lexicalJudge({ tokenizer, taxonomy });
  const sample = random(split.seed, 'interpretation', sae).shuffle([...eligible]).slice(0, interpretation.latents);
  const explained = sample.flatMap((latent): Explained[] => {
    const one = explainer.explain(book.latent(sae, latent));
    return one === undefined ? [] : [one];
  });
  const explanations = new Map<number, Explanation>();
  const detection: { latent: number; score: number; control: number | null }[] = [];
  const examples = (of: Explained): ReturnType<ExampleBook['latent']> => book.latent(sae, of.latent);
  for await (const scored of scoreExplanations(explained, { judge, examples }, { seed: split.seed, scorers: ['detection', 'fuzzing'] })) {
    checkpointHere(session);
    explanations.set(scored.explained.latent, scored.explanation);
    const own = scored.detection?.balancedAccuracy.value;
    if (own === undefined || !Number.isFinite(own)) continue;
    const control = scored.detectionControl?.balancedAccuracy.value;
    detection.push({ latent: scored.explained.latent, score: own, control: control !== undefined && Number.isFinite(control) ? control : null });
  }
  return { explanations, detection, eligible: eligible.length };
}

function decoderOf(sae: Sae | undefined): NdArray {
  return sae?.state.weights['W_dec'] ?? { shape: [0, 0], data: new Float32Array() };
}

/** Six digits are more than anyone reads, and a quarter of the bytes. */
function compact(card: FeatureCard): FeatureCard {
  const short = (value: number): number => Number(value.toPrecision(5));
  return { ...card, contexts: card.contexts.map((context) => ({ ...context, activations: context.activations.map(short), peak: short(context.peak) })) };
}
