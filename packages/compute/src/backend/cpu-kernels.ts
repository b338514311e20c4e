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
  const have = new Set(tf.getKernelsForBackend(backendName).map((kernel) => kernel.kernelName));
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (!have.has(kernelName)) tf.registerKernel({ kernelName, backendName, kernelFunc: lent(kernelName) });
  }
}

/** Has the CPU compute a kernel of a backend wherever `isWrong` says that its own fails. */
export function replaceKernel(kernelName: string, backendName: string, isWrong: (inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap) => boolean): void {
  const own = tf.getKernel(kernelName, backendName);
  const instead = lent(kernelName);
  tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ ...own, kernelFunc: (given) => (isWrong(given.inputs, given.attrs ?? {}) ? instead(given) : own.kernelFunc(given)) });
}

function lent(kernelName: string): tf.KernelFunc {
  const cpu = tf.engine().findBackend('cpu') as unknown as CpuLike & { firstUse: boolean };
  cpu.firstUse = false; // its first use would print an advertisement
  const { kernelFunc } = tf.getKernel(kernelName, 'cpu');
  return ({ inputs, attrs, backend }) => {
    const own = backend as unknown as Target;
    const onCpu = (info: tf.TensorInfo): tf.TensorInfo => cpu.makeTensorInfo(info.shape, info.dtype, own.readSync(info.dataId));
    const given: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
    for (const [name, value] of Object.entries(inputs as Record<string, tf.TensorInfo | tf.TensorInfo[] | undefined>)) {
      if (value !== undefined) given[name] = Array.isArray(value) ? value.map(onCpu) : onCpu(value);
    }
    const results = kernelFunc({ inputs: given as tf.NamedTensorInfoMap, ...(attrs === undefined ? {} : { attrs }), backend: cpu });
    const back = (info: tf.TensorInfo): tf.TensorInfo => ({
      dataId: own.write(cpu.readSync(info.dataId), info.shape, info.dtype),
      shape: info.shape,
      dtype: info.dtype,
    });
    const moved = Array.isArray(results) ? results.map(back) : back(results);
    for (const info of Array.isArray(results) ? results : [results]) cpu.disposeIntermediateTensorInfo(info);
    for (const info of Object.values(given).flat()) cpu.disposeIntermediateTensorInfo(info);
    return moved;
  };
}
