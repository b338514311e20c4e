/** Element types of the safetensors format that this reader knows, with their sizes in bytes. */
const SIZES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type SafetensorsDtype = keyof typeof SIZES;

export function isSafetensorsDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(SIZES, value);
}

export const KNOWN_DTYPES: readonly string[] = Object.keys(SIZES);

export function dtypeBytes(dtype: SafetensorsDtype): number {
  return SIZES[dtype];
}

/** Reads element `i` of a little-endian buffer as a number; 64-bit integers lose what a double cannot hold. */
export function elementReader(dtype: SafetensorsDtype): (view: DataView, i: number) => number {
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return (view, i) => view.getUint8(i);
    case 'I8':
      return (view, i) => view.getInt8(i);
    case 'U16':
      return (view, i) => view.getUint16(2 * i, true);
    case 'I16':
      return (view, i) => view.getInt16(2 * i, true);
    case 'F16':
      return (view, i) => halfToFloat(view.getUint16(2 * i, true));
    case 'BF16':
      return (view, i) => bfloatToFloat(view.getUint16(2 * i, true));
    case 'U32':
      return (view, i) => view.getUint32(4 * i, true);
    case 'I32':
      return (view, i) => view.getInt32(4 * i, true);
    case 'F32':
      return (view, i) => view.getFloat32(4 * i, true);
    case 'U64':
      return (view, i) => Number(view.getBigUint64(8 * i, true));
    case 'I64':
      return (view, i) => Number(view.getBigInt64(8 * i, true));
    case 'F64':
      return (view, i) => view.getFloat64(8 * i, true);
  }
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** bfloat16 is the upper half of a float32. */
export function bfloatToFloat(bits: number): number {
  word[0] = (bits << 16) >>> 0;
  return float[0] as number;
}

/** Rounds to nearest, ties to even, as PyTorch does. */
export function floatToBfloat(value: number): number {
  float[0] = value;
  const bits = word[0] as number;
  if (value !== value) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** IEEE 754 binary16. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds to nearest, ties to even; values of 65520 and more become infinite. */
export function floatToHalf(value: number): number {
  if (value !== value) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const power = magnitude < 2 ** exponent ? exponent - 1 : magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return sign | (((power + 15) << 10) + roundEven((magnitude / 2 ** power - 1) * 1024));
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}
