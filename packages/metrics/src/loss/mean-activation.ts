import type { LanguageModel, TokenBatch } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { editedPositions } from './edited-positions.js';

export interface MeanActivationRequest {
  readonly model: LanguageModel;
  readonly hook: string;
  readonly tokens: readonly TokenBatch[];
  readonly specials?: 'exclude' | 'include';
}

/** [width] mean activation at a hook over the positions that a splice would edit; float64 sums. */
export function meanActivation(request: MeanActivationRequest): Float32Array {
  const { model, hook, tokens } = request;
  const width = model.hookWidth(hook);
  const sum = new Float64Array(width);
  let n = 0;
  for (const batch of tokens) {
    const where = editedPositions(batch, request.specials ?? 'exclude');
    const values = model.forward(batch, { hooks: [hook] }).activations[hook];
    if (values === undefined) {
      throw new SalmonError('engine', { what: 'The language model returned no activations', where: hook });
    }
    where.forEach((edited, position) => {
      if (edited === 0) return;
      n++;
      for (let d = 0; d < width; d++) sum[d] = (sum[d] as number) + (values[position * width + d] as number);
    });
  }
  return Float32Array.from(sum, (s) => (n === 0 ? 0 : s / n));
}
