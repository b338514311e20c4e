import { tf } from '../tf.js';
import type { GpuBindGroupLayout, GpuPipeline, WebGpuBackend } from './gpu-types.js';
import { visibleToCompute } from './gpu-types.js';

type Element = 'f32' | 'u32' | 'atomic<u32>';
type Scalar = 'f32' | 'u32';

/** A compute shader: named storage arrays, scalar parameters (`p.name` in the body) and a body that runs in every thread. */
export interface Kernel {
  readonly name: string;
  readonly reads: Readonly<Record<string, Element>>;
  /** Updated or filled. */
  readonly writes: Readonly<Record<string, Element>>;
  readonly parameters: Readonly<Record<string, Scalar>>;
  /** Threads of a workgroup; a power of two. */
  readonly threads: number;
  /** Functions and workgroup variables. */
  readonly declarations?: string;
  /** Sees `group` (number of the workgroup), `lane` (thread in it) and `thread` (group * threads + lane). */
  readonly body: string;
}

export interface Dispatch {
  readonly tensors: Readonly<Record<string, tf.TensorInfo>>;
  readonly parameters?: Readonly<Record<string, number>>;
  /** Workgroups; a body must pass over numbers beyond what it was asked for. */
  readonly groups: number;
}

interface Compiled {
  readonly pipeline: GpuPipeline;
  readonly layout: GpuBindGroupLayout;
}

/** Most workgroups in one dimension (the specification's default limit). */
const WIDEST = 65_535;

const compiled = new WeakMap<object, Map<Kernel, Compiled>>();

export function webGpuBackend(): WebGpuBackend {
  return tf.backend() as unknown as WebGpuBackend;
}

/** A tensor of uninitialised GPU memory, owned by the scope around. */
export function uninitialised<R extends tf.Rank>(shape: tf.ShapeMap[R], dtype: 'float32' | 'int32'): tf.Tensor<R> {
  const backend = webGpuBackend();
  const info = backend.makeTensorInfo(shape, dtype);
  if (tf.util.sizeFromShape(shape) > 0) backend.uploadToGPU(info.dataId);
  else backend.tensorMap.get(info.dataId).values = dtype === 'int32' ? new Int32Array(0) : new Float32Array(0);
  return tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor<R>;
}

/** Queues a kernel behind what TensorFlow.js has queued, in its command encoder. */
export function run(kernel: Kernel, { tensors, parameters = {}, groups }: Dispatch): void {
  if (groups === 0) return;
  const backend = webGpuBackend();
  const { pipeline, layout } = compile(backend, kernel);
  const entries: object[] = [];
  for (const name of [...Object.keys(kernel.writes), ...Object.keys(kernel.reads)]) {
    const { dataId } = tensors[name] as tf.TensorInfo;
    backend.uploadToGPU(dataId);
    const data = backend.tensorMap.get(dataId);
    // A copy that an asynchronous read left in JavaScript would go stale.
    if (name in kernel.writes) data.values = null;
    backend.commandQueueOwnedIds.add(dataId);
    entries.push({ binding: entries.length, resource: { buffer: data.resource } });
  }
  const fields = Object.entries(kernel.parameters).map(([name, type]) => ({ type: type === 'f32' ? ('float32' as const) : ('uint32' as const), data: [parameters[name] as number] }));
  if (fields.length > 0) entries.push({ binding: entries.length, resource: backend.makeUniforms(fields) });
  const group = backend.device.createBindGroup({ layout, entries });
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= backend.commandEncoder?.beginComputePass() ?? null;
  const pass = backend.computePassEncoder;
  pass?.setPipeline(pipeline);
  pass?.setBindGroup(0, group);
  pass?.dispatchWorkgroups(Math.min(groups, WIDEST), Math.ceil(groups / WIDEST), 1);
  backend.dispatchCountInPass++;
  if (backend.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}

function compile(backend: WebGpuBackend, kernel: Kernel): Compiled {
  const { device } = backend;
  const known = compiled.get(device) ?? new Map<Kernel, Compiled>();
  compiled.set(device, known);
  const before = known.get(kernel);
  if (before !== undefined) return before;
  const types = [...Object.keys(kernel.writes).map(() => 'storage'), ...Object.keys(kernel.reads).map(() => 'read-only-storage')];
  if (Object.keys(kernel.parameters).length > 0) types.push('uniform');
  const layout = device.createBindGroupLayout({ entries: types.map((type, binding) => ({ binding, visibility: visibleToCompute, buffer: { type } })) });
  const pipeline = device.createComputePipeline({
    label: kernel.name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: sourceOf(kernel), label: kernel.name }), entryPoint: 'main' },
  });
  const made = { pipeline, layout };
  known.set(kernel, made);
  return made;
}

function sourceOf({ reads, writes, parameters, threads, declarations, body }: Kernel): string {
  const storage = [...Object.entries(writes).map(([name, type]) => ['read_write', name, type]), ...Object.entries(reads).map(([name, type]) => ['read', name, type])];
  const bindings = storage.map(([access, name, type], i) => `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${type}>;`);
  const fields = Object.entries(parameters).map(([name, type]) => `${name}: ${type},`);
  if (fields.length > 0) bindings.push(`struct Parameters { ${fields.join(' ')} }`, `@group(0) @binding(${storage.length}) var<uniform> p: Parameters;`);
  return `${bindings.join('\n')}
${declarations ?? ''}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(num_workgroups) group_counts: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_id.x + group_id.y * group_counts.x;
  let thread = group * ${threads}u + lane;
  ${body}
}`;
}
