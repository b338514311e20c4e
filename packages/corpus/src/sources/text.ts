import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { asFileError, SalmonError } from '@salmon-sae/dataflow';
import type { Document } from '@salmon-sae/dataflow';
import { baseName, sourceName } from '../source.js';
import type { TextSource } from '../source.js';
import { decodeUtf8, readLines } from './lines.js';
import type { Position } from './open.js';

/** Documents of plain text; shard = file, row = documents read of it. Empty documents are passed over. */
export async function* text(source: TextSource, from: Position, signal: AbortSignal): AsyncGenerator<Document, void, undefined> {
  const name = sourceName(source);
  const domain = source.domain ?? baseName(source.path).replace(/\.(txt|md)$/, '');
  const unit = source.unit ?? 'file';
  for (const [shard, path] of (await filesOf(source.path)).entries()) {
    if (shard < from.shard) continue;
    const skip = shard === from.shard ? from.row : 0;
    const file = path === source.path ? baseName(path) : relative(source.path, path).split(sep).join('/');
    let row = 0;
    for await (const content of unitsOf(path, unit, signal)) {
      row++;
      if (row <= skip) continue;
      yield { id: unit === 'file' ? file : `${file}#${row}`, domain, text: content, cursor: { source: name, shard, row } };
    }
  }
}

async function filesOf(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && /\.(txt|md)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
    if (files.length > 0) return files.sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw asFileError(error, path, 'read');
  }
  throw new SalmonError('no-data', { what: 'This folder holds no text', where: path, expected: 'files ending in .txt or .md' });
}

async function* unitsOf(path: string, unit: 'file' | 'paragraph' | 'line', signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  if (unit === 'file') {
    let bytes: Buffer;
    try {
      bytes = await readFile(path, { signal });
    } catch (error) {
      throw asFileError(error, path, 'read');
    }
    const whole = decodeUtf8(bytes, path, true).trim();
    if (whole !== '') yield whole;
    return;
  }
  let block: string[] = [];
  for await (const line of readLines(path, signal)) {
    const blank = line.text.trim() === '';
    if (unit === 'line') {
      if (!blank) yield line.text.trim();
    } else if (!blank) {
      block.push(line.text);
    } else if (block.length > 0) {
      yield block.join('\n');
      block = [];
    }
  }
  if (block.length > 0) yield block.join('\n');
}
