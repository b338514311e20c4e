import { SalmonError } from '@salmon-sae/dataflow';

/** With --json: the one JSON object on stdout; otherwise the text. */
export function emit(json: boolean | undefined, value: object, text: string): void {
  process.stdout.write(json === true ? `${JSON.stringify(value, null, 1)}\n` : `${text}\n`);
}

/** Parses a positive whole number of an option, or says which option is wrong. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new SalmonError('usage', { what: `${option} is not a positive whole number`, got: `"${text}"`, todo: `Give a number, for example ${option} 1024` });
  }
  return value;
}
