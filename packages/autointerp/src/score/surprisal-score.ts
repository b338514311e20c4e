import type { ExplanationScore, LanguageModel } from '@salmon-sae/dataflow';
import type { Example, LatentExamples } from '../examples/examples.js';
import { SURPRISAL_PROMPT } from '../prompts/surprisal.js';
import type { Interval } from '../statistics/interval.js';
import { aucInterval } from '../statistics/ranking.js';
import { controlOf } from './control-of.js';
import { bothClasses, settings } from './detection-score.js';
import type { ScoreOptions } from './detection-score.js';
import { chunks, toRows } from './language-model-rows.js';

export interface TextScore {
  readonly scorer: 'surprisal' | 'embedding';
  readonly method: string;
  /** Chance that an activating window scores above a silent one. */
  readonly auc: Interval;
}

/**
 * Surprisal (delphi): does the explanation, put before a window, lower the language model's loss on it more where the latent
 * fires? AUC of the drop in nats per token against the same prompt with nothing said. Needs a model that can use a
 * description; one that cannot gives 0.5.
 */
export function surprisalScore(
  examples: LatentExamples,
  by: { readonly text: string; readonly model: Pick<LanguageModel, 'forward' | 'tokenizer' | 'info'> },
  options: ScoreOptions & { readonly batch?: number } = {},
): TextScore | undefined {
  const { scorer } = examples;
  const items = [...scorer.quantiles.flat(), ...scorer.random, ...scorer.hard];
  if (!bothClasses(items)) return undefined;
  const { model } = by;
  const longest = items.reduce((n, item) => Math.max(n, item.ids.length), 0);
  const room = Math.max(0, model.info.context - 1 - longest);
  const prefix = model.tokenizer.encode(SURPRISAL_PROMPT.told(by.text)).slice(-room);
  const neutral = model.tokenizer.encode(SURPRISAL_PROMPT.untold).slice(-room);
  const loss = (lead: Int32Array): readonly number[] =>
    chunks(items, options.batch ?? 8).flatMap((group) => meanLoss(group, { lead, model }));
  const told = loss(prefix);
  const untold = loss(neutral);
  const scores = items.map((_, i) => (untold[i] as number) - (told[i] as number));
  return { scorer: 'surprisal', method: `${model.info.id}/${SURPRISAL_PROMPT.version}`, auc: aucInterval({ scores, truth: truthOf(items) }, settings(options)) };
}

export function truthOf(items: readonly Example[]): readonly (0 | 1)[] {
  return items.map((item) => (item.kind === 'activating' ? 1 : 0));
}

export function textScores(score: TextScore, control?: TextScore): readonly ExplanationScore[] {
  const { value, low, high, n } = score.auc;
  return [{ scorer: score.scorer, metric: 'auc', value, low, high, n, ...controlOf(control?.auc) }];
}

/** Mean loss of each window's own tokens after `lead`, in nats. */
function meanLoss(
  group: readonly Example[],
  by: { readonly lead: Int32Array; readonly model: Pick<LanguageModel, 'forward' | 'tokenizer' | 'info'> },
): readonly number[] {
  const rows = toRows(group.map(({ ids }) => [...by.lead, ...ids]), by.model);
  const loss = by.model.forward(rows, { crossEntropy: true }).crossEntropy ?? new Float32Array(0);
  const first = rows.lead + by.lead.length;
  return group.map(({ ids }, r) => {
    let sum = 0;
    let counted = 0;
    // The loss of token t stands at position t - 1; a row's very first token is predicted by nothing.
    for (let t = Math.max(1, first); t < first + ids.length; t++) {
      sum += loss[r * (rows.context - 1) + t - 1] as number;
      counted++;
    }
    return counted === 0 ? 0 : sum / counted;
  });
}
