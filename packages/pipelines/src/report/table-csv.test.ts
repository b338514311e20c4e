import { expect, it } from 'vitest';
import { tableCsv } from './table-csv.js';

it('writes full precision, and interval ends as columns of their own', () => {
  const csv = tableCsv({
    kind: 'table',
    id: 't',
    title: '',
    caption: '',
    columns: [
      { id: 'arm', label: 'Arm' },
      { id: 'fve', label: 'FVE', format: 'fixed2' },
      { id: 'n', label: 'N', format: 'integer' },
    ],
    rows: [
      ['broad, old', { value: 0.123456789, low: 0.1, high: 0.2 }, 3],
      ['domain', { value: 0.5 }, null],
    ],
  });
  expect(csv).toBe('arm,fve,fve_low,fve_high,n\r\n"broad, old",0.123456789,0.1,0.2,3\r\ndomain,0.5,,,\r\n');
});
