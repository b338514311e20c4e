import type { JSX } from 'preact';
import type { ExplanationScore } from '@salmon-sae/dataflow';
import { Term } from './definitions.js';
import { score } from './format.js';

const NAMES: Readonly<Record<string, string>> = {
  balancedAccuracy: 'balanced accuracy',
  f1: 'F1',
  auc: 'AUC',
  specificityRandom: 'specificity, random',
  specificityHard: 'specificity, hard negatives',
  correlation: 'correlation',
  logMassChange: 'claimed tokens gain (nats)',
  logMassChangeRandom: 'gain along random directions (nats)',
  logMassChangeBeyondRandom: 'gain beyond random (nats; 0 is none)',
};

/** Scores with their 95% interval and the chance control. */
export function ScoreTable({ scores }: { readonly scores: readonly ExplanationScore[] }): JSX.Element {
  const shown = scores.filter(({ metric }) => metric !== 'failures');
  if (shown.length === 0) return <p class="muted">Not scored in this run.</p>;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Scores of the explanation">
      <table>
        <thead>
          <tr>
            <th scope="col">Score</th>
            <th scope="col" class="num">
              Value
            </th>
            <th scope="col" class="num">
              95% interval
            </th>
            <th scope="col" class="num">
              <Term of="control" />
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((each) => (
            <tr key={`${each.scorer}-${each.metric}`} title={`${each.n} contexts`}>
              <th scope="row">
                {each.scorer} · {NAMES[each.metric] ?? each.metric}
              </th>
              <td class="num strong">{score(each.value)}</td>
              <td class="num">{interval(each.low, each.high)}</td>
              <td class="num">
                {score(each.control)}
                {each.controlLow !== undefined && <small class="muted"> {interval(each.controlLow, each.controlHigh)}</small>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function interval(low: number, high: number | undefined): string {
  return `${score(low)} – ${score(high)}`;
}
