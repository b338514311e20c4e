/** d: width, F: latents, B: rows of a batch. */
export interface Shape {
  readonly d: number;
  readonly F: number;
  readonly B: number;
}

export const SHAPES: readonly Shape[] = [
  { d: 192, F: 3072, B: 1024 },
  { d: 768, F: 24_576, B: 4096 },
  { d: 2304, F: 16_384, B: 2048 },
  { d: 2304, F: 65_536, B: 2048 },
];

export const ARCHES = ['jumprelu', 'batchtopk'] as const;
export type Arch = (typeof ARCHES)[number];
export const K = 64;
export const BANDWIDTH = 0.001;
export const LEARNING_RATE = 1e-4;

export function nameOf({ d, F, B }: Shape): string {
  return `d${d} F${F} B${B}`;
}
