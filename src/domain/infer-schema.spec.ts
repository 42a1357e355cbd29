import { inferSchema } from './infer-schema.js';
import { transactionParser } from './parse-transaction.js';

type Row = Record<string, string>;
const rows = (n: number, make: (i: number) => Row): Row[] => Array.from({ length: n }, (_, i) => make(i));
const infer = (sample: Row[], options = {}) => inferSchema('My File.csv', Object.keys(sample[0] ?? {}), sample, options);

describe('inferSchema', () => {
  it('finds time, ids, entities, amount, label and fields by name and content', () => {
    const sample = rows(40, (i) => ({
      tx_id: `t${i}`,
      datetime: `2018-04-01 00:00:${String(i).padStart(2, '0')}`,
      customer_id: String(i % 7),
      merchant: `m${i % 3}`,
      amount: `${i}.50`,
      category: i % 2 ? 'food' : 'fun',
      age: i === 3 ? '' : String(20 + i),
      note: `free text ${i}`,
      empty: '',
      is_fraud: i === 5 ? '1' : '0',
    }));
    const { schema, notes } = infer(sample);
    expect(schema).toMatchObject({
      name: 'my-file-csv',
      id: 'tx_id',
      time: { column: 'datetime', format: 'sql' },
      entities: [
        { name: 'customer', column: 'customer_id' },
        { name: 'merchant', column: 'merchant' },
      ],
      amount: { column: 'amount', minorDigits: 2 },
      numeric: [{ column: 'age', optional: true }],
      categorical: [{ column: 'category' }],
      label: { column: 'is_fraud' },
      features: { set: 'full' },
    });
    for (const column of Object.keys(sample[0]!)) expect(notes.filter((note) => note.startsWith(`${column}: `))).toHaveLength(1);
    const parser = transactionParser(schema);
    for (const row of sample) expect(parser.fromCsv(row).ok).toBe(true);
  });

  it('makes a plain table of numbers a set of columns, with the row number as id', () => {
    const { schema, notes } = infer(
      rows(30, (i) => ({ f0: String(i / 3), f1: '1e-3', label: String(i % 2), split0: '1' })),
      { ignoredColumns: ['split0'] },
    );
    expect(schema).toMatchObject({
      id: '#row',
      entities: [],
      numeric: [{ column: 'f0' }, { column: 'f1' }],
      features: { set: 'columns' },
    });
    expect(notes.join()).toContain('the row number is the id');
    expect(transactionParser(schema).fromCsv({ '#row': '0', f0: '1', f1: '2' }).ok).toBe(true);
    expect(transactionParser(schema).fromCsv({ f0: '1', f1: '2' }).ok).toBe(false);
  });

  it('sees that a column repeats the label, so that it does not become a feature', () => {
    const { schema, notes } = infer(
      rows(40, (i) => ({
        v: String(i % 4),
        scenario: i % 10 === 0 ? String(1 + (i % 3)) : '0',
        label: i % 10 === 0 ? '1' : '0',
      })),
    );
    expect(schema.numeric.map((f) => f.column)).toEqual(['v']);
    expect(schema.label).toMatchObject({ column: 'label', typeColumn: 'scenario' });
    expect(notes.join()).toContain('scenario: kind of fraud');
  });

  it('takes a column of three-letter codes that is named like a currency as that of the amount', () => {
    const paid = (currency: (i: number) => string) =>
      infer(rows(10, (i) => ({ amount: `${i}.50`, currency: currency(i), country: i % 2 ? 'DEU' : 'FRA' })));
    const { schema, notes } = paid((i) => (i % 2 ? 'EUR' : 'GBP'));
    expect(schema.amount).toMatchObject({ column: 'amount', currency: { column: 'currency' } });
    expect(schema.categorical.map((f) => f.column)).toEqual(['country']);
    expect(notes.join()).not.toContain('EUR is a guess');
    expect(notes).toContain('currency: currency of amount, by name and content');
    const other = paid((i) => (i % 2 ? 'euro' : ''));
    expect(other.schema.amount?.currency).toBe('EUR');
    expect(other.notes.join()).toContain('EUR is a guess');
    expect(other.schema.categorical.map((f) => f.column)).toEqual(['currency', 'country']);
    expect(paid(() => 'ZZZ').schema.amount?.currency).toBe('EUR');
    expect(infer(rows(4, (i) => ({ v: String(i), currency: 'EUR' }))).schema.categorical).toMatchObject([{ column: 'currency' }]);
  });

  it('leaves split columns out, unless one is asked for as the label', () => {
    const sample = rows(30, (i) => ({ v: String(i / 3), split: String(i % 2), split0: '1', split_12: '0', splits: String(i) }));
    const { schema, notes } = infer(sample, { ignoredColumns: ['split0'] });
    expect(schema.numeric.map((f) => f.column)).toEqual(['v', 'splits']);
    expect(notes).toContain('split_12: left out, a split column by name');
    for (const column of Object.keys(sample[0]!)) expect(notes.filter((note) => note.startsWith(`${column}: `))).toHaveLength(1);
    expect(infer(sample, { labelColumn: 'split' }).schema.label?.column).toBe('split');
  });

  it('takes seconds since the start of a file as a number, not as a time', () => {
    const { schema } = infer(rows(5, (i) => ({ time: String(i * 60), v: String(i) })));
    expect(schema.time).toBeUndefined();
    expect(schema.numeric.map((f) => f.column)).toEqual(['time', 'v']);
    expect(infer(rows(5, (i) => ({ event_time: String(1_700_000_000 + i) }))).schema.time?.format).toBe('epoch-seconds');
  });

  it.each<[string, string[], Row[], object, string]>([
    ['an empty file', [], [], {}, 'the file is empty'],
    ['a header alone', ['a'], [], {}, 'a header but no rows'],
    ['a column twice', ['a', 'a'], [{ a: '1' }], {}, '"a" twice'],
    ['a column without name', ['a', ''], [{ a: '1' }], {}, 'without a name'],
    ['a label that is not there', ['a'], [{ a: '1' }], { labelColumn: 'y' }, 'there is no column "y"; the file has a'],
    ['a column asked for twice', ['a'], [{ a: '1' }], { labelColumn: 'a', ignoredColumns: ['a'] }, 'cannot be two of label, id'],
    ['a label of three values', ['a'], [{ a: '0' }, { a: '1' }, { a: '2' }], { labelColumn: 'a' }, 'label column "a" holds "2"'],
    ['a label with gaps', ['a'], [{ a: '0' }, { a: '' }], { labelColumn: 'a' }, 'empty cells'],
    ['an id that repeats', ['a'], [{ a: '0' }, { a: '0' }], { idColumn: 'a' }, 'ids must be unique'],
  ])('refuses %s', (_, header, sample, options, message) => {
    expect(() => inferSchema('x', header, sample, options)).toThrow(message);
  });
});
