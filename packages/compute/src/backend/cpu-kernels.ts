import { tf } from '../tf.js';

interface CpuLike {
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType, values: unknown): tf.TensorInfo;
  readSync(id: object): ArrayLike<number>;
  disposeIntermediateTensorInfo(info: tf.TensorInfo): void;
}

interface Target {
  readSync(id: object): ArrayLike<number>;
  write(values: unknown, shape: readonly number[], dtype: tf.DataType): object;
}

/**
 * Lends a backend the kernels that it lacks and plain JavaScript has: inputs are read, computed on the CPU backend and written back.
 * Slow, but everything runs. Only for backends that can read synchronously.
 */
export function borrowCpuKernels(backendName: string): void {
  const cpu = tf.engine().findBackend('cpu') as unknown as CpuLike & { firstUse: boolean };
  cpu.firstUse = false; // its first use would print an advertisement
  const have = new Set(tf.getKernelsForBackend(backendName).map((kernel) => kernel.kernelName));
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    if (have.has(kernel.kernelName)) continue;
    tf.registerKernel({
      kernelName: kernel.kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const own = backend as unknown as Target;
        const onCpu = (info: tf.TensorInfo): tf.TensorInfo => cpu.makeTensorInfo(info.shape, info.dtype, own.readSync(info.dataId));
        const lent: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
        for (const [name, value] of Object.entries(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>)) {
          if (value !== undefined) lent[name] = Array.isArray(value) ? value.map(onCpu) : onCpu(value);
        }
        const results = kernel.kernelFunc({ inputs: lent as tf.NamedTensorInfoMap, ...(attrs === undefined ? {} : { attrs }), backend: cpu });
        const back = (info: tf.TensorInfo): tf.TensorInfo => ({
          dataId: own.write(cpu.readSync(info.dataId), info.shape, info.dtype),
          shape: info.shape,
          dtype: info.dtype,
        });
        const moved = Array.isArray(results) ? results.map(back) : back(results);
        for (const info of Array.isArray(results) ? results : [results]) cpu.disposeIntermediateTensorInfo(info);
        for (const info of Object.values(lent).flat()) cpu.disposeIntermediateTensorInfo(info);
        return moved;
      },
    });
  }
}
