import { SalmonError } from '@salmon-sae/dataflow';
import type { Reconstructor } from '../reconstruction/named-sae.js';
import type { ErrorFit } from './fit.js';

/**
 * The SAE with its predicted linear error added to the reconstruction: spliced into the model beside the plain SAE it shows how
 * much of the lost cross-entropy the linear dark matter accounts for (arXiv 2410.14670, section 5).
 */
export function withLinearError(sae: Reconstructor, fit: ErrorFit, name: string): Reconstructor {
  const linear = fit.errors.find((e) => e.sae === name);
  if (linear === undefined) {
    throw new SalmonError('usage', {
      what: 'No linear error was fitted for this SAE',
      where: name,
      expected: `one of ${fit.errors.map((e) => e.sae).join(', ')}`,
    });
  }
  return {
    latents: sae.latents,
    width: sae.width,
    outWidth: sae.outWidth,
    run: (x, rows) => {
      const { codes, recon } = sae.run(x, rows);
      const predicted = fit.engine.predict(linear.map, { data: fit.condition(x), columns: sae.width });
      const d = sae.outWidth;
      return { codes, recon: recon.map((r, i) => r + (predicted[Math.floor(i / d) * (d + 1) + (i % d)] as number)) };
    },
  };
}
