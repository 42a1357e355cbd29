import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXCEPTED_COLUMNS, EXCEPTED_TABLES, SUMMED } from '../faults/excepted-columns.js';

const DOCUMENT = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'faults.md'), 'utf8');

describe('docs/faults.md', () => {
  it('names every column that the fault suite does not compare, with its reason, and no other', () => {
    const section = DOCUMENT.slice(DOCUMENT.indexOf('## What may differ'), DOCUMENT.indexOf('## Bugs'));
    const rows = new Map([...section.matchAll(/^\| `(.+)` \| (.+) \|$/gm)].map(([, name, reason]) => [name!, reason!]));
    for (const [table, { over }] of Object.entries(SUMMED)) expect(rows.delete(`${table}.${over}`)).toBe(true);
    expect(Object.fromEntries(rows)).toEqual({ ...EXCEPTED_TABLES, ...EXCEPTED_COLUMNS });
  });
});
