import type { JSX } from 'preact';
import type { ExplanationData } from '../../src/wire.js';

const NAMES: Readonly<Record<string, string>> = {
  balancedAccuracy: 'balanced accuracy',
  f1: 'F1',
  auc: 'AUC',
  specificityRandom: 'specificity, random',
  specificityHard: 'specificity, hard negatives',
  correlation: 'correlation',
};

/** Scores with their 95% interval and the chance control. */
export function ScoreTable({ scores }: { readonly scores: ExplanationData['scores'] }): JSX.Element {
  const shown = scores.filter(({ metric }) => metric !== 'failures');
  if (shown.length === 0) return <p class="muted">Not scored in this run.</p>;
  return (
    <table class="scores">
      <thead>
        <tr>
          <th scope="col">Score</th>
          <th scope="col" class="num">
            Value
          </th>
          <th scope="col" class="num">
            95% interval
          </th>
          <th scope="col" class="num" title="The same for a shuffled explanation">
            Control
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.map(({ scorer, metric, value, low, high, control, n }) => (
          <tr key={`${scorer}-${metric}`} title={`${n} windows`}>
            <th scope="row">
              {scorer} · {NAMES[metric] ?? metric}
            </th>
            <td class="num strong">{value.toFixed(2)}</td>
            <td class="num">
              {low.toFixed(2)} – {high.toFixed(2)}
            </td>
            <td class="num">{control === undefined ? '–' : control.toFixed(2)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
