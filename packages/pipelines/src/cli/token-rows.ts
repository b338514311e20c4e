import type { TokenRows } from '@salmon-sae/dataflow';
import { SalmonError } from '@salmon-sae/dataflow';
import { openSafetensors } from '@salmon-sae/dataflow/safetensors';

/** Reads `input_ids` [B,T] and, where present, `attention_mask` [B,T] (default: every token real). */
export async function readTokenRows(path: string): Promise<TokenRows> {
  const file = await openSafetensors(path);
  try {
    if (!file.names.includes('input_ids')) {
      throw new SalmonError('bad-file', { what: 'The token file has no tensor input_ids', where: path, expected: 'input_ids, int32, shape [B,T]', got: `tensors ${file.names.join(', ')}` });
    }
    const shape = file.info('input_ids').shape;
    const [rows, context] = shape;
    if (shape.length !== 2 || rows === undefined || context === undefined || rows < 1 || context < 2) {
      throw new SalmonError('bad-shape', { what: 'input_ids has the wrong shape', where: path, expected: '[B,T] with B >= 1 and T >= 2', got: `[${shape.join(', ')}]` });
    }
    const { data: ids } = await file.readInt32('input_ids');
    let mask = new Uint8Array(ids.length).fill(1);
    if (file.names.includes('attention_mask')) {
      const maskShape = file.info('attention_mask').shape;
      if (maskShape.join() !== shape.join()) {
        throw new SalmonError('bad-shape', { what: 'attention_mask does not fit input_ids', where: path, expected: `[${shape.join(', ')}]`, got: `[${maskShape.join(', ')}]` });
      }
      mask = Uint8Array.from((await file.readInt32('attention_mask')).data, (value) => (value === 0 ? 0 : 1));
    }
    return { rows, context, ids, mask };
  } finally {
    await file.close();
  }
}
