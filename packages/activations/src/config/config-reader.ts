import { readFile } from 'node:fs/promises';
import { SalmonError } from '@salmon-sae/dataflow';

/** Typed access to one object of a model's config.json; whatever is missing or of the wrong kind is named. */
export interface ConfigReader {
  readonly where: string;
  has(field: string): boolean;
  /** A positive integer. */
  count(field: string): number;
  number(field: string): number;
  text(field: string): string;
  /** `undefined` where the field is absent or null. */
  optionalNumber(field: string): number | undefined;
  optionalText(field: string): string | undefined;
  /** The flag, or `absent` where the field does not stand in the file. */
  flag(field: string, absent: boolean): boolean;
  optionalFlag(field: string): boolean | undefined;
  /** Present but possibly null: absence is an error, null means "none". */
  nullableNumber(field: string): number | undefined;
  texts(field: string): readonly string[] | undefined;
  section(field: string): ConfigReader | undefined;
}

/** Reads config.json of a model folder. Throws `missing-file` or `bad-file`. */
export async function readConfig(path: string): Promise<ConfigReader> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SalmonError(
      'missing-file',
      {
        what: 'The model folder has no readable config.json',
        where: path,
        expected: 'a Hugging Face model folder (config.json and safetensors weights)',
        todo: 'Point --model at the folder that holds config.json',
      },
      { cause },
    );
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SalmonError('bad-file', { what: 'config.json is not valid JSON', where: path }, { cause });
  }
  return configReader(json, path);
}

export function configReader(json: unknown, where: string): ConfigReader {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SalmonError('bad-config', { what: 'The model configuration is not an object', where, got: show(json) });
  }
  const fields = json as Readonly<Record<string, unknown>>;
  const bad = (field: string, expected: string): SalmonError =>
    new SalmonError('bad-config', {
      what: fields[field] === undefined ? `Field "${field}" is missing` : `Field "${field}" has a wrong value`,
      where,
      expected,
      got: show(fields[field]),
    });
  const absent = (field: string): boolean => fields[field] === undefined || fields[field] === null;
  const number = (field: string): number => {
    const value = fields[field];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw bad(field, 'a finite number');
    return value;
  };
  const text = (field: string): string => {
    const value = fields[field];
    if (typeof value !== 'string' || value === '') throw bad(field, 'a string');
    return value;
  };
  const optionalFlag = (field: string): boolean | undefined => {
    if (absent(field)) return undefined;
    const value = fields[field];
    if (typeof value !== 'boolean') throw bad(field, 'true or false');
    return value;
  };
  return {
    where,
    has: (field) => fields[field] !== undefined,
    number,
    text,
    count: (field) => {
      const value = number(field);
      if (!Number.isInteger(value) || value < 1) throw bad(field, 'a positive integer');
      return value;
    },
    optionalNumber: (field) => (absent(field) ? undefined : number(field)),
    optionalText: (field) => (absent(field) ? undefined : text(field)),
    optionalFlag,
    flag: (field, whenAbsent) => optionalFlag(field) ?? whenAbsent,
    nullableNumber: (field) => {
      if (fields[field] === undefined) throw bad(field, 'a number, or null for none');
      return fields[field] === null ? undefined : number(field);
    },
    texts: (field) => {
      if (absent(field)) return undefined;
      const value = fields[field];
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) throw bad(field, 'a list of strings');
      return value;
    },
    section: (field) => (absent(field) ? undefined : configReader(fields[field], `${where} > ${field}`)),
  };
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
