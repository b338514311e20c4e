import type { Edit, ExplanationScore, LanguageModel, TokenRows } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import type { LatentExamples } from '../examples/examples.js';
import { bootstrap } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import { settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import { toRows } from './language-model-rows.js';

export interface Intervention {
  readonly model: Pick<LanguageModel, 'forward' | 'scoreEdits' | 'tokenizer' | 'info'>;
  readonly hook: string;
  /** The latent's decoder row, [width of the hook]. */
  readonly direction: Float32Array;
  /** Token ids the explanation claims (`claimedTokens`). */
  readonly claimed: Int32Array;
}

export interface InterventionOptions extends ScoreOptions {
  /** Mean KL(clean || steered) to aim at, in nats: every latent is pushed equally hard. */
  readonly targetKl?: number;
  /** Silent windows steered. */
  readonly windows?: number;
}

export interface InterventionScore {
  /** Mean change of log P(claimed tokens) by steering, in nats; above 0 = the latent promotes what it is said to mean. */
  readonly effect: Interval;
  /** Times the decoder row that was added, and the mean KL it caused. */
  readonly strength: number;
  readonly kl: number;
}

const GRID = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16];

/**
 * Intervention (after arXiv 2410.13928, section 4): steer the latent on windows in which it is silent, as strongly as gives
 * the wanted KL, and see whether the tokens its explanation claims become more likely. Finds latents that act on the output,
 * which detection misses. Undefined without silent windows or claimed tokens.
 */
export function interventionScore(examples: LatentExamples, by: Intervention, options: InterventionOptions = {}): InterventionScore | undefined {
  const windows = examples.scorer.random.slice(0, options.windows ?? 8);
  if (windows.length === 0 || by.claimed.length === 0 || examples.maxActivation <= 0) return undefined;
  const rows = toRows(windows.map(({ ids }) => ids), by.model);
  const where = Uint8Array.from(rows.mask, (real, i) => (real === 1 && i % rows.context >= rows.lead ? 1 : 0));
  const edit = (strength: number): Edit => ({ hook: by.hook, where, kind: 'add', vector: by.direction, strength });
  const target = options.targetKl ?? 0.5;
  const strengths = GRID.map((share) => share * examples.maxActivation);
  const kls = meanKls(rows, by, strengths.map((s) => [edit(s)]));
  const strength = strengthAt(strengths, kls, target);
  const [kl] = meanKls(rows, by, [[edit(strength)]]) as [number];
  const clean = claimedLogMass(rows, by, []);
  const steered = claimedLogMass(rows, by, [edit(strength)]);
  const changes = windows.map(({ ids }, r) => {
    let sum = 0;
    for (let t = rows.lead; t < rows.lead + ids.length; t++) sum += (steered[r * rows.context + t] as number) - (clean[r * rows.context + t] as number);
    return sum / ids.length;
  });
  const mean = (weights: Float64Array): number => changes.reduce((sum, change, i) => sum + change * (weights[i] as number), 0) / changes.length;
  return { effect: bootstrap(changes.map(() => 0), mean, settings(options)), strength, kl };
}

export function interventionScores(score: InterventionScore, control?: InterventionScore): readonly ExplanationScore[] {
  const { value, low, high, n } = score.effect;
  return [{ scorer: 'intervention', metric: 'logMassChange', value, low, high, n, ...(control === undefined ? {} : { control: control.effect.value }) }];
}

function meanKls(rows: TokenRows, by: Intervention, variants: readonly (readonly Edit[])[]): readonly number[] {
  const scores = by.model.scoreEdits(rows, variants);
  const counted = scores.counted.reduce((a, b) => a + b, 0);
  return scores.variants.map(({ kl }) => kl.reduce((sum, v, i) => sum + (scores.counted[i] === 1 ? v : 0), 0) / Math.max(1, counted));
}

/** Where the KL curve first reaches the target, between grid points on log-log axes; the grid's end where it never does. */
function strengthAt(strengths: readonly number[], kls: readonly number[], target: number): number {
  const above = kls.findIndex((kl) => kl >= target);
  if (above <= 0) return above === 0 ? (strengths[0] as number) : (strengths[strengths.length - 1] as number);
  const [lowKl, highKl] = [Math.max(kls[above - 1] as number, 1e-9), kls[above] as number];
  const share = Math.log(target / lowKl) / Math.log(highKl / lowKl);
  return (strengths[above - 1] as number) * ((strengths[above] as number) / (strengths[above - 1] as number)) ** share;
}

/** [rows * context] log of the probability that the next token is one of the claimed ones. */
function claimedLogMass(rows: TokenRows, by: Intervention, edits: readonly Edit[]): Float64Array {
  const logits = by.model.forward(rows, { logits: true, ...(edits.length === 0 ? {} : { edits }) }).logits;
  const vocabulary = by.model.info.vocabulary;
  if (logits?.length !== rows.rows * rows.context * vocabulary) {
    throw new SalmonError('bad-shape', { what: 'The language model gave logits of another size', where: by.model.info.id, expected: `rows * context * ${vocabulary}`, got: String(logits?.length) });
  }
  return Float64Array.from({ length: rows.rows * rows.context }, (_, at) => {
    const line = logits.subarray(at * vocabulary, (at + 1) * vocabulary);
    let largest = -Infinity;
    for (const logit of line) if (logit > largest) largest = logit;
    let total = 0;
    for (const logit of line) total += Math.exp(logit - largest);
    let claimed = 0;
    for (const id of by.claimed) claimed += Math.exp((line[id] as number) - largest);
    return Math.log(Math.max(claimed, 1e-300)) - Math.log(total);
  });
}
