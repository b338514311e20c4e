import { SingleBar } from 'cli-progress';
import pc from 'picocolors';

/**
 * Progress on stderr: a bar with rate and time left on a terminal, a plain line every few seconds otherwise.
 * Results go to stdout by the commands themselves.
 */
export class Terminal {
  private bar: SingleBar | undefined;
  private stage = '';
  private startedAt = 0;
  private startedDone = 0;
  private lastLine = 0;
  private lastDone = 0;

  constructor(
    private readonly quiet = false,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {}

  /** One line of text that stays. */
  note(text: string): void {
    if (this.quiet) return;
    this.clear();
    this.stream.write(`${text}\n`);
  }

  stageStarted(stage: string): void {
    this.stage = stage;
    this.startedAt = 0;
    this.lastLine = performance.now();
  }

  stageEnded(stage: string, seconds: number | undefined, kept: boolean): void {
    const time = kept ? 'kept from before' : duration(seconds ?? 0);
    this.note(`${pc.green('✓')} ${stage} ${pc.dim(`(${time})`)}`);
  }

  progress(stage: string, done: number, total: number, unit: string, note = ''): void {
    if (this.quiet) return;
    const now = performance.now();
    if (stage !== this.stage || this.startedAt === 0 || done < this.lastDone) {
      this.clear();
      this.stage = stage;
      this.startedAt = now;
      this.startedDone = done;
    }
    this.lastDone = done;
    const seconds = (now - this.startedAt) / 1000;
    const rate = seconds > 0.2 ? (done - this.startedDone) / seconds : 0;
    const left = rate > 0 ? duration(Math.max(0, total - done) / rate) : '…';
    const text = { stage: stage.padEnd(26), rate: rate > 0 ? `${compact(rate)} ${unit}/s` : '…', left, note };
    if (this.stream.isTTY) {
      this.bar ??= this.openBar(total, text);
      this.bar.setTotal(total);
      this.bar.update(done, text);
      return;
    }
    if (now - this.lastLine < 5_000) return;
    this.lastLine = now;
    const percent = total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : 0;
    this.stream.write(`  ${stage}: ${percent}% of ${compact(total)} ${unit}, ${text.rate}, ${left} left${note === '' ? '' : `, ${note}`}\n`);
  }

  /** Removes the bar; call before writing anything else. */
  clear(): void {
    this.bar?.stop();
    this.bar = undefined;
    this.startedAt = 0;
  }

  private openBar(total: number, payload: object): SingleBar {
    const bar = new SingleBar({
      stream: this.stream,
      format: `  {stage} ${pc.cyan('{bar}')} {percentage}%  {rate}  {left} left  {note}`,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      fps: 8,
    });
    bar.start(total, 0, payload);
    return bar;
  }
}

/** 75 -> "1 min 15 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** 12345 -> "12.3k". */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)}k`;
  return size >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
}
