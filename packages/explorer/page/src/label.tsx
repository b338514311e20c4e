import type { JSX } from 'preact';
import type { FeaturesData } from '../../src/wire.js';
import { isExplained, labelOf } from './format.js';

/** What a latent fires on: its explanation in ink, or the words at its peaks in grey. */
export function Label({ explanation, text }: { readonly explanation: string; readonly text: string }): JSX.Element {
  const explained = isExplained(explanation);
  return (
    <span class={explained ? '' : 'words'} title={explained ? text : `Words at its peaks: ${text}. Not explained in this run.`}>
      {text}
    </span>
  );
}

/** The label of a row of an SAE's columns. */
export function RowLabel({ data, row }: { readonly data: FeaturesData; readonly row: number }): JSX.Element {
  const explanation = data.explanation[row] ?? '';
  return <Label explanation={explanation} text={labelOf(explanation, data.words[row] ?? '', data.token[row])} />;
}
