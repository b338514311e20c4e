import { SalmonError } from '@salmon-sae/dataflow';
import { tf } from '../tf.js';
import type { PackedMatrix } from './packed-matrix.js';
import { BFLOAT16, castRaw, FLOAT, INT32, rawMatMul } from './raw-bf16.js';
import type { RawBackend, RawOutput } from './raw-op.js';

/** A bfloat16 copy that TensorFlow holds, outside of tfjs-core's sight, and multiplies with kernels of its own. */
export function packedByTensorflow(backend: RawBackend, weight: tf.Tensor2D): PackedMatrix {
  const { binding } = backend;
  const [outputs, inputs] = weight.shape;
  const idOf = (tensor: tf.Tensor): number => backend.getInputTensorIds([tensor])[0] as number;
  const held = castRaw(backend, idOf(weight), FLOAT, BFLOAT16).id;
  /** A bfloat16 result as a float32 tensor; the bfloat16 one is freed. */
  const widened = (low: RawOutput): tf.Tensor2D => {
    try {
      return backend.createOutputTensor(castRaw(backend, low.id, BFLOAT16, FLOAT)) as tf.Tensor2D;
    } finally {
      binding.deleteTensor(low.id);
    }
  };
  return {
    outputs,
    inputs,
    matMul: (x, bias) => {
      checkInputs(x, inputs);
      const low = castRaw(backend, idOf(x), FLOAT, BFLOAT16);
      try {
        const product = widened(rawMatMul(backend, [low.id, held], { transposeB: true }));
        return bias === undefined ? product : tf.add(product, bias);
      } finally {
        binding.deleteTensor(low.id);
      }
    },
    rows: (indices) => {
      const axis = tf.scalar(0, 'int32');
      try {
        const types = { Tparams: BFLOAT16, Tindices: INT32, Taxis: INT32 };
        const attributes = Object.entries(types).map(([name, value]) => ({ name, type: binding.TF_ATTR_TYPE, value }));
        return widened(binding.executeOp('GatherV2', attributes, [held, idOf(indices), idOf(axis)], 1)[0] as RawOutput);
      } finally {
        axis.dispose();
      }
    },
    dispose: () => binding.deleteTensor(held),
  };
}

export function checkInputs(x: tf.Tensor2D, inputs: number): void {
  if (x.shape[1] === inputs) return;
  throw new SalmonError('bad-shape', { what: 'The inner dimensions of a matrix product differ', expected: `[n, ${inputs}]`, got: `[${x.shape.join(', ')}]` });
}
