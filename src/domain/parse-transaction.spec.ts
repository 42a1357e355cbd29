import fc from 'fast-check';
import { InputError } from './input-error.js';
import { labelFromCsv, MESSAGE_BYTES_MAX, transactionParser } from './parse-transaction.js';
import { problemSentence, type ParseResult } from './transaction.js';
import { TransactionSchemaDefinition } from './transaction-schema.js';

const schema = TransactionSchemaDefinition.parse({
  name: 'test',
  description: '',
  id: 'id',
  time: { column: 'at', format: 'iso8601' },
  entities: [
    { name: 'customer', column: 'customer' },
    { name: 'shop', column: 'shop' },
  ],
  amount: { column: 'amount', currency: { column: 'currency' }, minorDigits: 2 },
  numeric: [{ column: 'age' }, { column: 'distance', optional: true }],
  categorical: [{ column: 'kind' }, { column: 'channel', optional: true }],
  label: { column: 'fraud', delayDays: 7, typeColumn: 'how' },
});
const parser = transactionParser(schema);
const good = {
  id: 't1',
  at: '2026-02-28T23:59:59.5+01:00',
  customer: 'c1',
  shop: 's1',
  amount: '12.5',
  currency: 'EUR',
  age: 41,
  distance: null,
  kind: 'food',
};
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const problem = (result: ParseResult): string => (result.ok ? 'none' : problemSentence(result.problems));
const transaction = (result: ParseResult) => {
  if (!result.ok) throw new Error(problemSentence(result.problems));
  return result.transaction;
};

describe('a JSON message', () => {
  it('becomes a transaction in the schema’s order', () => {
    expect(transaction(parser.fromBytes(bytes(good)))).toEqual({
      id: 't1',
      occurredAtMs: Date.UTC(2026, 1, 28, 22, 59, 59, 500),
      entities: ['c1', 's1'],
      amountMinor: 1250,
      currency: 'EUR',
      numeric: [41, NaN],
      categorical: ['food', null],
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a float as amount', { amount: 12.5 }, 'amount: 12.5 is not a decimal string with at most 2 decimals'],
    ['too many decimals', { amount: '1.001' }, 'amount: "1.001" is not'],
    ['float noise, which only files may hold', { amount: '67.28000000000002' }, 'amount:'],
    ['an amount beyond safe integers', { amount: '90071992547409.92' }, 'amount:'],
    ['10^15', { amount: '1000000000000000' }, 'amount:'],
    ['an exponent', { amount: '1e3' }, 'amount:'],
    ['half a decimal', { amount: '1.' }, 'amount:'],
    ['no digits', { amount: '-' }, 'amount:'],
    ['a missing field', { customer: undefined }, 'customer: nothing is not a text of 1 to 128 characters'],
    ['an empty id', { id: '' }, 'id: "" is not'],
    ['a long id', { id: 'x'.repeat(129) }, 'id: "xxx'],
    ['a number as entity', { shop: 7 }, 'shop: 7 is not'],
    ['a NUL', { id: 'a\u0000' }, 'id:'],
    ['a lone surrogate', { id: 'a\ud800' }, 'id:'],
    ['a text as number', { age: '41' }, 'age: "41" is not a finite number'],
    ['a number that float32 cannot hold', { age: 1e300 }, 'age: 1e+300 is not'],
    ['an object as category', { kind: {} }, 'kind: an object is not'],
    ['null where it is needed', { kind: null }, 'kind: null is not'],
    ['a time without zone', { at: '2026-02-28T23:59:59' }, 'at: "2026-02-28T23:59:59" is not a time'],
    ['an impossible date', { at: '2026-02-29T00:00:00Z' }, 'at:'],
    ['second 60', { at: '2026-02-28T00:00:60Z' }, 'at:'],
    ['a time before 1970', { at: '1969-12-31T23:59:59Z' }, 'at:'],
    ['a time after 2199', { at: '2200-01-01T00:00:00Z' }, 'at:'],
    ['a currency in small letters', { currency: 'eur' }, 'currency: "eur" is not an ISO 4217 code'],
    ['a currency that there is not', { currency: 'ZZZ' }, 'currency: "ZZZ" is not an ISO 4217 code'],
    ['an extra field', { more: 1 }, 'more: 1 is not a field of schema test'],
    ['the label as a field', { fraud: 1 }, 'fraud: 1 is not a field'],
  ])('with %s is refused by name', (_, change, expected) => {
    expect(problem(parser.fromObject(JSON.parse(JSON.stringify({ ...good, ...change }))))).toContain(expected);
  });

  it('refuses NaN, infinities and what JSON cannot carry', () => {
    for (const age of [NaN, Infinity, -Infinity]) expect(problem(parser.fromObject({ ...good, age }))).toContain('age:');
    expect(problem(parser.fromBytes(bytes('{"age": NaN}')))).toContain('is not JSON in UTF-8');
    expect(problem(parser.fromBytes(bytes('')))).toBe('message: an empty message is not JSON in UTF-8');
    expect(problem(parser.fromBytes(Uint8Array.of(0x22, 0xff, 0x22)))).toContain('is not JSON in UTF-8');
    expect(problem(parser.fromBytes(bytes('[1]')))).toContain('message: a list is not a JSON object');
    expect(problem(parser.fromBytes(new Uint8Array(MESSAGE_BYTES_MAX + 1)))).toContain(
      'a message of 65537 bytes is not at most 65536',
    );
  });

  it('names every problem at once, each value shortened', () => {
    const result = parser.fromObject({ id: 'y'.repeat(5000), amount: 1 });
    if (result.ok) throw new Error('accepted');
    expect(result.problems.map((p) => p.field)).toEqual(['id', 'at', 'customer', 'shop', 'amount', 'currency', 'age', 'kind']);
    for (const { value } of result.problems) expect(value.length).toBeLessThanOrEqual(80);
  });

  it('finds no field in the prototype', () => {
    const odd = transactionParser(TransactionSchemaDefinition.parse({ name: 'odd', description: '', id: 'constructor' }));
    expect(problem(odd.fromObject({}))).toContain('constructor: nothing');
    expect(problem(parser.fromBytes(bytes(`{"__proto__": 1, ${JSON.stringify(good).slice(1)}`)))).toContain(
      '__proto__: 1 is not a field',
    );
  });

  it('may carry other fields where the schema ignores them', () => {
    const lenient = transactionParser({ ...schema, extraFields: 'ignore' });
    expect(lenient.fromObject({ ...good, fraud: 1, more: 'x' }).ok).toBe(true);
  });

  it('allows refunds', () => {
    expect(transaction(parser.fromObject({ ...good, amount: '-3.07' })).amountMinor).toBe(-307);
    expect(Object.is(transaction(parser.fromObject({ ...good, amount: '-0.00' })).amountMinor, 0)).toBe(true);
  });

  it('comes back from toJson, whatever the transaction', () => {
    const text = fc.string({ minLength: 1, maxLength: 20 }).filter((s) => ![...s].some((c) => c < ' ' || c === '\u007f'));
    fc.assert(
      fc.property(
        fc.record({
          id: text,
          occurredAtMs: fc.integer({ min: 0, max: 7_258_118_399_999 }),
          entities: fc.tuple(text, text),
          amountMinor: fc.maxSafeInteger().filter((n) => Math.abs(n) < Number.MAX_SAFE_INTEGER),
          currency: fc.constantFrom('EUR', 'JPY'),
          numeric: fc.tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.float({ noDefaultInfinity: true })),
          categorical: fc.tuple(text, fc.option(text)),
        }),
        (t) => {
          const back = transaction(parser.fromBytes(bytes(parser.toJson(t))));
          expect(parser.canonical(back)).toBe(parser.canonical(t));
          expect(back.amountMinor + 0).toBe(t.amountMinor + 0);
        },
      ),
    );
  });

  it('has one canonical form for all spellings', () => {
    const other = { ...good, at: '2026-02-28T22:59:59.500Z', amount: '012.50' };
    delete (other as { distance?: null }).distance;
    expect(parser.canonical(transaction(parser.fromObject(other)))).toBe(parser.canonical(transaction(parser.fromObject(good))));
  });
});

describe('a row of a file', () => {
  const row = { ...good, age: '41', distance: '', fraud: '1', how: 'stolen', more: 'anything', amount: '67.28000000000002' };
  const file = (change: Record<string, string>): ParseResult => parser.fromCsv({ ...row, ...change });

  it('is read by the schema’s columns, with the float noise of old exports', () => {
    const t = transaction(file({}));
    expect(t.amountMinor).toBe(6728);
    expect(t.numeric).toEqual([41, NaN]);
    expect(problem(file({ amount: '67.285000000' }))).toContain('amount:');
  });

  it.each(['nan', 'NaN', 'Infinity', '0x10', '1e999', '', ' 1', '1_000'])('with %p as number is refused', (age) => {
    expect(problem(file({ age }))).toContain('age:');
  });

  it('has the label beside it', () => {
    expect(labelFromCsv(schema, { fraud: row.fraud, how: row.how })).toEqual({ isFraud: true, type: 'stolen' });
    expect(labelFromCsv(schema, { fraud: 'false', how: '0' })).toEqual({ isFraud: false, type: null });
    expect(() => labelFromCsv(schema, { fraud: '2' })).toThrow(new InputError('fraud: "2" is not 0, 1, true or false'));
    expect(() => labelFromCsv(schema, {})).toThrow('fraud: nothing is not 0, 1, true or false');
    expect(() => labelFromCsv({ ...schema, label: undefined }, { fraud: '1' })).toThrow('names no label column');
  });
});

describe('times', () => {
  const at = (format: string) =>
    transactionParser(
      TransactionSchemaDefinition.parse({ name: 't', description: '', id: 'id', time: { column: 'at', format } }),
    );
  it('agree with Date over four centuries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7_258_118_399_999 }), (ms) => {
        const iso = new Date(ms).toISOString();
        expect(transaction(at('iso8601').fromObject({ id: 'a', at: iso })).occurredAtMs).toBe(ms);
        const sql = iso.replace('T', ' ').replace('Z', '');
        expect(transaction(at('sql').fromObject({ id: 'a', at: sql })).occurredAtMs).toBe(ms);
        expect(transaction(at('epoch-seconds').fromObject({ id: 'a', at: ms / 1000 })).occurredAtMs).toBe(ms);
        expect(transaction(at('epoch-milliseconds').fromObject({ id: 'a', at: ms })).occurredAtMs).toBe(ms);
      }),
    );
  });

  it.each([
    ['sql', '2026-01-01T00:00:00'],
    ['sql', '2026-01-01 00:00:00Z'],
    ['sql', '2026-1-01 00:00:00'],
    ['sql', '2026-01-01 24:00:00'],
    ['sql', '2026-00-01 00:00:00'],
    ['sql', '2026-01-01 00:00:00.'],
    ['sql', '1900-02-29 00:00:00'],
    ['iso8601', '2026-01-01T00:00:00+1:00'],
    ['iso8601', '2026-01-01T00:00:00+24:00'],
    ['epoch-seconds', '0'],
    ['epoch-milliseconds', 0.5],
    ['epoch-milliseconds', -1],
  ])('%s refuses %p', (format, value) => {
    expect(problem(at(format).fromObject({ id: 'a', at: value }))).toContain('at:');
  });
});
