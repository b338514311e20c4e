/** What set-up fetches when a machine has no libtensorflow. A new TensorFlow means new values here, nothing else. */

export interface PinnedWheel {
  readonly distribution: string;
  readonly version: string;
  /** Arguments that make any host Python fetch this one wheel. */
  readonly tags: { readonly python: string; readonly abi: string; readonly platform: string };
  readonly bytes: number;
  /** What of it is unpacked. */
  readonly unpackedBytes?: number;
  /** Known for the platforms that were tested; pip checks the index's own hash in every case. */
  readonly sha256?: string;
}

export const tensorflowVersion = '2.21.0';

export function cpuWheel(arch: string): PinnedWheel | undefined {
  if (arch === 'x64') {
    return {
      distribution: 'tensorflow-cpu',
      version: tensorflowVersion,
      tags: { python: '3.11', abi: 'cp311', platform: 'manylinux_2_27_x86_64' },
      bytes: 273_829_956,
      unpackedBytes: 853_707_058,
      sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    };
  }
  if (arch === 'arm64') {
    return {
      distribution: 'tensorflow',
      version: tensorflowVersion,
      tags: { python: '3.11', abi: 'cp311', platform: 'manylinux_2_27_aarch64' },
      bytes: 280_000_000,
    };
  }
  return undefined;
}

/** TensorFlow's own release archive, the one that @tensorflow/tfjs-node-gpu 4.22.0 was made for. */
export const usualDownload = {
  version: '2.9.1',
  url: 'https://storage.googleapis.com/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
} as const;

/** Unpacked libraries, archive and build folders together, with room to spare. */
export const neededBytes = 1_500_000_000;
/** CUDA companions included. */
export const neededBytesGpu = 9_000_000_000;
