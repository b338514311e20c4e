import { residualOf } from '@salmon-sae/boosting-residual';
import type { DocumentSource } from '@salmon-sae/corpus';
import { train } from '@salmon-sae/sae-core';
import type { Sae, TrainEvent, TrainSpec } from '@salmon-sae/sae-core';
import type { Observable } from 'rxjs';
import type { Setting } from './setting.js';
import { tokensOf, trainingBatches } from './setting.js';

/**
 * The boosted arm (SAE Boost, arXiv 2507.12990): on domain text, residual SAEs read x and learn x - base(x), what the
 * frozen broad SAE misses. At inference the two reconstructions add up (`boosted` of boosting-residual).
 */
export function boosted(setting: Setting, text: DocumentSource, base: Sae, specs: readonly TrainSpec[]): Observable<TrainEvent> {
  return trainingBatches(setting, tokensOf(setting, text, 'train')).pipe(residualOf(base), train(specs));
}
