import type { FeatureCard } from '@salmon-sae/dataflow';

const COLUMNS = ['sae', 'latent', 'density', 'max_activation', 'dense_class', 'explanation', 'method', 'detection_balanced_accuracy', 'detection_control', 'detection_auc', 'promoted', 'suppressed', 'top_context', 'nearest', 'domain_share'] as const;

/** One line per card after a header line (RFC 4180, CRLF). Texts that a spreadsheet would run as a formula get a leading '. */
export function* cardCsv(cards: Iterable<FeatureCard>): Generator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for (const card of cards) {
    const score = (metric: string): FeatureScore => card.explanation?.scores.find((s) => s.scorer === 'detection' && s.metric === metric);
    const accuracy = score('balancedAccuracy');
    const nearest = card.neighbours[0];
    const row: Readonly<Record<(typeof COLUMNS)[number], string | number | undefined>> = {
      sae: card.sae,
      latent: card.latent,
      density: card.density,
      max_activation: card.maxActivation,
      dense_class: card.denseClass ?? undefined,
      explanation: card.explanation?.text,
      method: card.explanation?.method,
      detection_balanced_accuracy: accuracy?.value,
      detection_control: accuracy?.control,
      detection_auc: score('auc')?.value,
      promoted: card.promoted.map((e) => e.token).join(' | '),
      suppressed: card.suppressed.map((e) => e.token).join(' | '),
      top_context: card.contexts[0]?.tokens.join(''),
      nearest: nearest === undefined ? undefined : `${nearest.sae}/${nearest.latent} ${nearest.cosine.toFixed(3)}`,
      domain_share: card.domainShare === undefined ? undefined : Object.entries(card.domainShare).map(([name, share]) => `${name} ${share.toFixed(3)}`).join(' | '),
    };
    yield `${COLUMNS.map((column) => cell(row[column])).join(',')}\r\n`;
  }
}

type FeatureScore = NonNullable<FeatureCard['explanation']>['scores'][number] | undefined;

function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^\s*[=+\-@]/.test(value) || /^[\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
