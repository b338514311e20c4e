/** Room beyond the outermost values, as a factor. */
const air = 1.15;

/** Ticks 1, 2, 5 times powers of ten within a range (a little beyond it), for a logarithmic axis that people can read. */
export function logTicks(values: readonly number[]): readonly number[] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  if (positive.length === 0) return [];
  const from = Math.min(...positive);
  const to = Math.max(...positive);
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)) - 1; power <= Math.ceil(Math.log10(to)); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(1));
      if (tick >= from / air && tick <= to * air) ticks.push(tick);
    }
  }
  return ticks;
}

/** The range of a logarithmic axis with some air at both ends. */
export function logDomain(values: readonly number[]): readonly [number, number] {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  return positive.length === 0 ? [1, 10] : [Math.min(...positive) / air, Math.max(...positive) * air];
}

/** Whether values ask for a logarithmic axis: all above 0 and spread over more than a factor of 30. */
export function wantsLog(values: readonly number[]): boolean {
  return values.length > 0 && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 30;
}
