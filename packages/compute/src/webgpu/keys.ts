/**
 * WGSL: unsigned integers in the order of float32 values; 0 stands for "does not count". Every number has a key above 0
 * (only one NaN pattern would map to it).
 */
export const keyFunctions = `
fn key_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}`;

/** WGSL: whether an entry is among those kept: its key above the cut, or equal to it and no later than the last equal one kept. */
export const keptFunction = `
fn kept(key: u32, cut: u32, last: u32, position: u32) -> bool {
  return key > cut || (key == cut && key != 0u && position <= last);
}`;
