/** Seconds spent per phase of the step, for the benchmark's profile. */
export class Phases {
  readonly seconds: Record<string, number> = {};

  time<T>(phase: string, work: () => T): T {
    const began = performance.now();
    try {
      return work();
    } finally {
      this.seconds[phase] = (this.seconds[phase] ?? 0) + (performance.now() - began) / 1000;
    }
  }
}
