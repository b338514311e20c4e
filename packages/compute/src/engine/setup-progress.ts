/** One report of how far set-up has come. */
export interface SetupProgress {
  /** What is being done, for a person to read. */
  readonly stage: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'steps';
  /** Units per second since the stage began; absent in its first instant. */
  readonly rate?: number;
  readonly etaSeconds?: number;
}

export type OnSetupProgress = (progress: SetupProgress) => void;

export interface StageMeter {
  add(units: number): void;
  at(done: number): void;
}

/** Turns counts into progress reports, at most five a second besides the first and the last. */
export function stageMeter(stage: string, unit: SetupProgress['unit'], options: { readonly total?: number; readonly onProgress?: OnSetupProgress }): StageMeter {
  const { total, onProgress } = options;
  const began = performance.now();
  let done = 0;
  let last = -Infinity;
  const report = (): void => {
    const now = performance.now();
    const finished = total !== undefined && done >= total;
    if (onProgress === undefined || (now - last < 200 && !finished)) return;
    last = now;
    const seconds = (now - began) / 1000;
    const rate = seconds > 0.05 && done > 0 ? done / seconds : undefined;
    onProgress({
      stage,
      done,
      unit,
      ...(total === undefined ? {} : { total }),
      ...(rate === undefined ? {} : { rate }),
      ...(rate === undefined || total === undefined ? {} : { etaSeconds: Math.max(0, total - done) / rate }),
    });
  };
  report();
  return {
    add: (units) => {
      done += units;
      report();
    },
    at: (absolute) => {
      done = absolute;
      report();
    },
  };
}
