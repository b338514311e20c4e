/** How far a stage has come. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  /** Undefined when nobody knows. */
  readonly total?: number;
  /** What is counted: tokens, documents, steps, bytes, ... */
  readonly unit: string;
}

export interface ProgressReading extends Progress {
  /** Units per second over the window; undefined until two readings lie apart in time. */
  readonly rate?: number;
  /** Seconds left at that rate; undefined without a total or while nothing moves. */
  readonly secondsLeft?: number;
  /** Share done, 0 to 1; undefined without a total. */
  readonly share?: number;
}

export interface ProgressMeterOptions {
  /** Length of the sliding window in ms (default 30 000). */
  readonly windowMs?: number;
}

/** Turns progress events into rate and time left; the caller brings the clock, `now` in ms. */
export type ProgressMeter = (progress: Progress, now: number) => ProgressReading;

/**
 * A meter with a sliding window, so that the rate follows what happens now, not the average since the start.
 * A new stage, another unit or a count that falls starts the window anew. Holds at most 256 samples.
 */
export function progressMeter(options: ProgressMeterOptions = {}): ProgressMeter {
  const windowMs = options.windowMs ?? 30_000;
  let samples: { readonly at: number; readonly done: number }[] = [];
  let current = '';
  return (progress, now) => {
    const key = `${progress.unit}\u0000${progress.stage}`;
    const newest = samples.at(-1);
    if (key !== current || (newest !== undefined && (progress.done < newest.done || now < newest.at))) samples = [];
    current = key;
    samples.push({ at: now, done: progress.done });
    // The oldest sample kept is the last one outside the window, so that slow stages still have a rate.
    while (samples.length > 2 && now - samples[1]!.at >= windowMs) samples.shift();
    if (samples.length > 256) samples = samples.filter((_, i) => i % 2 === 0);
    const oldest = samples[0]!;
    const seconds = (now - oldest.at) / 1000;
    const rate = seconds > 0 ? (progress.done - oldest.done) / seconds : undefined;
    const left = progress.total === undefined ? undefined : Math.max(0, progress.total - progress.done);
    const secondsLeft = left === 0 ? 0 : left !== undefined && rate !== undefined && rate > 0 ? left / rate : undefined;
    const share = progress.total === undefined ? undefined : progress.total === 0 ? 1 : Math.min(1, progress.done / progress.total);
    return {
      ...progress,
      ...(rate === undefined ? {} : { rate }),
      ...(secondsLeft === undefined ? {} : { secondsLeft }),
      ...(share === undefined ? {} : { share }),
    };
  };
}
