import type { JSX } from 'preact';
import { number } from './format.js';

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

export const FRAME = { width: 640, height: 380, left: 76, right: 16, top: 12, bottom: 46 } as const;

/** About `wanted` round values between two ends. */
export function roundTicks(low: number, high: number, wanted = 5): readonly number[] {
  const raw = (high - low || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= 0.7 * raw) ?? raw;
  const out: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) out.push(Number(tick.toPrecision(10)));
  return out;
}

/** Linear, with some room at both ends, or none below a domain that begins at zero. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const pad = (domain[1] - domain[0] || Math.abs(domain[0]) || 1) * 0.06;
  const [low, high] = [domain[0] === 0 ? 0 : domain[0] - pad, domain[1] + pad];
  return Object.assign((value: number) => range[0] + ((value - low) / (high - low)) * (range[1] - range[0]), { ticks: roundTicks(low, high) });
}

/** Logarithmic, with ticks at 1, 2 and 5 of every decade. */
export function logarithmic(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = [Math.log10(domain[0]) - 0.06, Math.log10(domain[1]) + 0.06];
  const ticks: number[] = [];
  for (let decade = Math.floor(low); decade <= high; decade++) for (const m of [1, 2, 5]) if (Math.log10(m) + decade >= low && Math.log10(m) + decade <= high) ticks.push(Number((m * 10 ** decade).toPrecision(3)));
  return Object.assign((value: number) => range[0] + ((Math.log10(value) - low) / (high - low)) * (range[1] - range[0]), { ticks });
}

interface AxesProps {
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xText?: (tick: number) => string;
}

export function Axes({ x, y, xLabel, yLabel, xText = number }: AxesProps): JSX.Element {
  const { width, height, left, right, top, bottom } = FRAME;
  return (
    <g aria-hidden="true">
      {y.ticks.map((tick) => (
        <g key={`y${tick}`}>
          <line class="gridline" x1={left} x2={width - right} y1={y(tick)} y2={y(tick)} />
          <text x={left - 8} y={y(tick) + 4} text-anchor="end">
            {number(tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={`x${tick}`} x={x(tick)} y={height - bottom + 18} text-anchor="middle">
          {xText(tick)}
        </text>
      ))}
      <line class="axis" x1={left} x2={width - right} y1={height - bottom} y2={height - bottom} />
      <text x={(left + width - right) / 2} y={height - 8} text-anchor="middle">
        {xLabel}
      </text>
      <text x={14} y={(top + height - bottom) / 2} text-anchor="middle" transform={`rotate(-90 14 ${(top + height - bottom) / 2})`}>
        {yLabel}
      </text>
    </g>
  );
}
