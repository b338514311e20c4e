import { SalmonError } from '@salmon-sae/dataflow';
import type { SparseCodes } from '@salmon-sae/dataflow';
import type { Sae } from '@salmon-sae/sae-core';
import { boostedState, hasDecoderBias } from './boosted-state.js';
import { concatCodes, spreadRows, splitCodes } from './codes.js';
import { openRows } from './domain-gate.js';
import type { DomainGate } from './domain-gate.js';

export interface BoostedOptions {
  /** One gate for every residual, or one entry per residual (`undefined` = always open). Default: no gate, as published. */
  readonly gate?: DomainGate | readonly (DomainGate | undefined)[];
  /** Dispose the parts together with the boosted SAE. Default: the caller keeps them. */
  readonly ownParts?: boolean;
}

/**
 * A frozen base and any number of residual SAEs as one SAE: reconstruction base(x) + sum_j e_j(x) (arXiv 2507.12990, section 3.1; several
 * domains are summed, each trained on the base's own error). Codes are concatenated: base latents first, then each residual's in order.
 *
 * A residual without decoder bias adds exactly 0 to every row on which none of its latents fires. Where a gate is closed the residual does not
 * run and adds 0. Throws `bad-shape` when a part reads or writes another width, `unsupported` for a gated residual with a decoder bias.
 */
export function boosted(base: Sae, residuals: readonly Sae[], options: BoostedOptions = {}): Sae {
  const gates = gateList(options.gate, residuals.length);
  residuals.forEach((residual, index) => check(base, residual, { index, gate: gates[index] }));
  const parts = [base, ...residuals];
  const widths = parts.map((part) => part.latents);
  return {
    state: boostedState(base.state, residuals.map((residual) => residual.state), gates),
    latents: widths.reduce((sum, width) => sum + width, 0),
    width: base.width,
    outWidth: base.outWidth,
    encode: (x, rows) => {
      const codes = residuals.map((residual, j) => onOpenRows(residual, gates[j], { x, rows }, (open, n) => residual.encode(open, n)));
      return concatCodes([base.encode(x, rows), ...codes]);
    },
    decode: (codes) => {
      const [own, ...others] = splitCodes(codes, widths);
      const recon = Float32Array.from(base.decode(own!));
      others.forEach((part, j) => addRows(recon, residuals[j]!.decode(part), { width: base.outWidth }));
      return recon;
    },
    run: (x, rows) => {
      const first = base.run(x, rows);
      const recon = Float32Array.from(first.recon);
      const codes = residuals.map((residual, j) =>
        onOpenRows(residual, gates[j], { x, rows }, (open, n, at) => {
          const result = residual.run(open, n);
          addRows(recon, result.recon, { at, width: base.outWidth });
          return result.codes;
        }),
      );
      return { codes: concatCodes([first.codes, ...codes]), recon };
    },
    dispose: () => {
      if (options.ownParts === true) parts.forEach((part) => part.dispose());
    },
  };
}

type RunRows = (x: Float32Array, rows: number, at?: Int32Array) => SparseCodes;

/** Runs a residual on the rows that its gate opens, and spreads the codes back over all rows. */
function onOpenRows(residual: Sae, gate: DomainGate | undefined, batch: { readonly x: Float32Array; readonly rows: number }, run: RunRows): SparseCodes {
  const { x, rows } = batch;
  if (gate === undefined) return run(x, rows);
  const open = openRows(gate, x, rows);
  if (open.length === 0) {
    return { rows, latents: residual.latents, indptr: new Int32Array(rows + 1), indices: new Int32Array(0), values: new Float32Array(0) };
  }
  const width = residual.width;
  const chosen = new Float32Array(open.length * width);
  open.forEach((row, i) => chosen.set(x.subarray(row * width, (row + 1) * width), i * width));
  return spreadRows(run(chosen, open.length, open), open, rows);
}

/** Adds rows of `part` to the rows `at` of `sum` (all rows where `at` is left out). */
function addRows(sum: Float32Array, part: Float32Array, { at, width }: { readonly at?: Int32Array | undefined; readonly width: number }): void {
  if (at === undefined) {
    for (let i = 0; i < part.length; i++) sum[i]! += part[i]!;
    return;
  }
  at.forEach((row, i) => {
    for (let d = 0; d < width; d++) sum[row * width + d]! += part[i * width + d]!;
  });
}

function gateList(gate: BoostedOptions['gate'], residuals: number): readonly (DomainGate | undefined)[] {
  if (gate === undefined) return Array.from({ length: residuals }, () => undefined);
  if (!Array.isArray(gate)) return Array.from({ length: residuals }, () => gate as DomainGate);
  const list = gate as readonly (DomainGate | undefined)[];
  if (list.length !== residuals) {
    throw new SalmonError('bad-config', {
      what: 'The list of gates does not match the list of residual SAEs',
      expected: `${residuals} entries (undefined where a residual is always open)`,
      got: `${list.length}`,
    });
  }
  return list;
}

function check(base: Sae, residual: Sae, { index, gate }: { readonly index: number; readonly gate: DomainGate | undefined }): void {
  if (residual.width !== base.width || residual.outWidth !== base.outWidth) {
    throw new SalmonError('bad-shape', {
      what: 'A residual SAE does not fit its base',
      where: `residual ${index}`,
      expected: `input width ${base.width}, output width ${base.outWidth}`,
      got: `input width ${residual.width}, output width ${residual.outWidth}`,
    });
  }
  if (gate === undefined) return;
  if (gate.direction.length !== base.width) {
    throw new SalmonError('bad-shape', {
      what: 'A domain gate does not fit its residual SAE',
      where: `gate ${index}`,
      expected: `a direction of ${base.width} values`,
      got: `${gate.direction.length}`,
    });
  }
  if (hasDecoderBias(residual.state)) {
    throw new SalmonError('unsupported', {
      what: 'A gated residual SAE with a decoder bias cannot be decoded from its codes: a closed row and a silent open row would look the same',
      where: `residual ${index}`,
      todo: 'Train the residual without decoder bias (the published recipe), or leave out its gate',
    });
  }
}
