import { useRef } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';

export const NOT_RECORDED = 'not recorded in this run';

/** What the pages' numbers mean: shown beside the names, and as a list behind the button of each page. */
export const DEFINITIONS = {
  density: ['Density', 'Share of the tokens read on which the latent is active (its activation is above 0). The bars of the table are logarithmic, from 0.001% to 100%.'],
  max: ['Max', 'Largest activation on any token read. An activation times the decoder row is what the latent adds to the model’s activations.'],
  score: ['Detection', 'Balanced accuracy with which a judge that reads only the explanation tells passages in which the latent fires from others. 0.5 is chance, 1 is perfect. Passages the explainer read do not count.'],
  near: ['Nearest', 'Largest cosine between its decoder row and one of another arm: 1 is the same direction, below 0.7 counts as no counterpart. A boosted SAE contains the broad one, so both show 1 there.'],
  domain: ['Domain share', 'Share of the latent’s active tokens that lie in the text named, of all tokens read on which it is active. Where the texts read differ in length, so does what chance would give.'],
  dense: [
    'Dense class',
    'A latent active on more than 10% of the tokens is dense. What it follows: position (in sentence, paragraph or text); binding (one of two opposed latents holds through a passage); nullspace (directions that barely move the output); output (promotes tokens of one first letter); word (content words); pca (the first principal component). Names and thresholds are those of arXiv 2506.15679.',
  ],
  text: ['Fires on', 'The explanation; in grey, for a latent that was not explained, the words at the peaks of its contexts.'],
  token: ['Top token', 'The token on which its contexts peak most often.'],
  latent: ['Latent', 'Index of the latent in its SAE.'],
  arm: ['Arm', 'The training recipe of the SAE that the latent belongs to.'],
  quantile: ['Quantile', 'The latent’s active passages, ordered by the strongest activation in each and cut into equal parts; contexts are sampled from every part.'],
  control: ['Control', 'The same score with the explanation of another latent: what chance alone gives.'],
  effect: ['Effect on the next token', 'Decoder row times unembedding: how far one unit of the latent directly raises or lowers the logit of each token.'],
  l0: ['L0', 'Mean number of latents active per token, as measured on held-out text.'],
  concept: ['On a concept', 'A latent counts if its contexts peak on a word that begins with the concept, or if its explanation names one.'],
  steering: ['Steering', 'Adds strength × largest activation × decoder row to the model’s activations at every position. Temperature 0 takes the likeliest token each time.'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type TermKey = keyof typeof DEFINITIONS;

/** A name with its definition as a tooltip. */
export function Term({ of, children }: { readonly of: TermKey; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <span class="defined" title={DEFINITIONS[of][1]}>
      {children ?? DEFINITIONS[of][0]}
    </span>
  );
}

/** The button that opens the definitions of a page; tooltips alone would leave out keyboard and touch. */
export function Definitions({ terms, absent = [] }: { readonly terms: readonly TermKey[]; readonly absent?: readonly TermKey[] }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="quiet" onClick={() => dialog.current?.showModal()}>
        Definitions
      </button>
      <dialog ref={dialog} class="definitions" aria-label="Definitions" onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}>
        <form method="dialog">
          <h2>Definitions</h2>
          <button>Close</button>
        </form>
        <dl>
          {terms.map((key) => (
            <div key={key}>
              <dt>{DEFINITIONS[key][0]}</dt>
              <dd>
                {DEFINITIONS[key][1]}
                {absent.includes(key) && <b> This is {NOT_RECORDED}.</b>}
              </dd>
            </div>
          ))}
        </dl>
      </dialog>
    </>
  );
}
