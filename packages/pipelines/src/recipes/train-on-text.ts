import type { DocumentSource } from '@salmon-sae/corpus';
import { train } from '@salmon-sae/sae-core';
import type { TrainEvent, TrainSpec } from '@salmon-sae/sae-core';
import type { Observable } from 'rxjs';
import type { Setting } from './setting.js';
import { tokensOf, trainingBatches } from './setting.js';

/**
 * The broad and the domain arm: SAEs trained on one text, all of `specs` from a single pass over it. The two arms are
 * the same recipe on purpose: arXiv 2508.09363 compared its domain SAEs with another team's trainer, token budget and
 * treatment of BOS; here nothing differs but the text.
 *
 * ```ts
 * trainOnText(setting, { kind: 'wordnet', part: 'medical' }, [spec]).subscribe(console.log);
 * ```
 */
export function trainOnText(setting: Setting, text: DocumentSource, specs: readonly TrainSpec[]): Observable<TrainEvent> {
  return trainingBatches(setting, tokensOf(setting, text, 'train')).pipe(train(specs));
}
