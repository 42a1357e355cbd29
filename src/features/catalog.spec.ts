import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { TransactionSchemaDefinition, type TransactionSchema } from '../domain/transaction-schema.js';
import { Activity } from './activity.js';
import { createFeatureSet } from './catalog.js';
import { computeFeatures } from './compute-features.js';
import type { FeaturePriors } from './feature-priors.js';
import { fitPriors } from './priors.js';

const shipped = (name: string): TransactionSchema =>
  TransactionSchemaDefinition.parse(parse(readFileSync(`config/schemas/${name}.yaml`, 'utf8')));
const emptyPriors = (schema: TransactionSchema): FeaturePriors => fitPriors(schema, [], [], 0);
const namesOf = (schema: TransactionSchema): string[] => createFeatureSet(schema, emptyPriors(schema)).columns.map((c) => c.name);

describe('the catalog', () => {
  it.each(readdirSync('config/schemas').map((file) => file.replace('.yaml', '')))('shipped schema %s has features', (name) => {
    const schema = shipped(name);
    expect(schema.name).toBe(name);
    const set = createFeatureSet(schema, emptyPriors(schema));
    const names = set.columns.map((c) => c.name);
    expect(new Set(names).size).toBe(names.length);
    for (const column of [...set.tailColumns, ...set.densityColumns]) expect(names).toContain(column);
    for (const column of set.tailColumns) expect(set.columns.find((c) => c.name === column)!.risk).not.toBe('none');
    expect(set.id).toMatch(new RegExp(`^${schema.features.set}-[0-9a-f]{8}$`));
    expect(set.markovColumn).toBe(schema.features.markovEntity === undefined ? null : 'markov');
    const hidden = [schema.label!.column, schema.label!.typeColumn, schema.id];
    for (const column of hidden) expect(names).not.toContain(column);
  });

  it('rfm is the Handbook’s 15, in its order', () => {
    const schema = shipped('handbook');
    const names = namesOf({ ...schema, features: { ...schema.features, set: 'rfm' } });
    expect(names.join(' ')).toBe(
      'tx_amount during_weekend during_night customer_nb_1d customer_avg_1d customer_nb_7d customer_avg_7d customer_nb_30d ' +
        'customer_avg_30d terminal_nb_1d terminal_risk_1d terminal_nb_7d terminal_risk_7d terminal_nb_30d terminal_risk_30d',
    );
    expect(namesOf(schema).slice(0, 15)).toEqual(names);
  });

  it('the id follows everything that changes a feature, and nothing else', () => {
    const schema = shipped('sparkov');
    const priors = emptyPriors(schema);
    const { id } = createFeatureSet(schema, priors);
    const other = (change: object): string => createFeatureSet({ ...schema, ...change }, priors).id;
    expect(other({ description: 'another', label: { ...schema.label!, column: 'truth' } })).toBe(id);
    expect(other({ features: { ...schema.features, density: 'flow' } })).toBe(id);
    expect(createFeatureSet(schema, JSON.parse(JSON.stringify(priors)) as FeaturePriors).id).toBe(id);
    const changed = [
      other({ label: { ...schema.label!, delayDays: 3 } }),
      other({ features: { ...schema.features, windowsDays: [1, 7] } }),
      other({ features: { ...schema.features, sequence: 1 } }),
      other({ numeric: [...schema.numeric].reverse() }),
      createFeatureSet(schema, { ...priors, m0: priors.m0 + 1e-9 }).id,
    ];
    expect(new Set([id, ...changed]).size).toBe(changed.length + 1);
  });

  it('a sequence is columns of its own, oldest event first, that no channel takes for habits', () => {
    const schema = shipped('handbook');
    const set = createFeatureSet({ ...schema, features: { ...schema.features, sequence: 2 } }, emptyPriors(schema));
    expect(set.sequenceColumns.join(' ')).toBe('lag2_gap lag2_hour lag2_log_amount lag1_gap lag1_hour lag1_log_amount lag0_gap');
    expect(namesOf(set.schema)).toEqual([...namesOf(schema), ...set.sequenceColumns]);
    expect([...set.tailColumns, ...set.densityColumns].filter((name) => name.startsWith('lag'))).toEqual([]);
  });

  it('looks back far enough for windows and filter, from the label delay', () => {
    const days = (schema: TransactionSchema): number =>
      Math.floor(createFeatureSet(schema, emptyPriors(schema)).lookBackMs / 86_400_000);
    expect([days(shipped('handbook')), days(shipped('sparkov')), days(shipped('ulb'))]).toEqual([68, 37, 0]);
  });

  it('a field with the name of a derived feature is kept as raw', () => {
    const schema = TransactionSchemaDefinition.parse({
      name: 'clash',
      description: '',
      id: 'id',
      time: { column: 'at', format: 'sql' },
      numeric: [{ column: 'hour' }],
      features: { set: 'columns' },
    });
    expect(namesOf(schema)).toEqual(['hour', 'raw_hour']);
  });

  it('plain columns: missing cells are NaN, unseen levels one past the last, many levels are no density input', () => {
    const schema = TransactionSchemaDefinition.parse({
      name: 'plain',
      description: '',
      id: '#row',
      numeric: [{ column: 'n', optional: true }],
      categorical: [{ column: 'few', optional: true }, { column: 'many' }],
    });
    const row = (i: number, few: string | null) => ({
      id: String(i),
      occurredAtMs: 0,
      entities: [],
      amountMinor: 0,
      currency: '',
      numeric: [NaN],
      categorical: [few, `level ${i}`],
    });
    const sample = Array.from({ length: 60 }, (_, i) => row(i, i % 3 ? 'a' : 'b'));
    const set = createFeatureSet(schema, fitPriors(schema, sample, [], 0));
    expect(set.columns.map((c) => c.levels.length)).toEqual([0, 2, 60]);
    expect(set.columns[1]!.levels).toEqual(['a', 'b']);
    expect(set.densityColumns).toEqual(['n', 'few']);
    const { matrix, profiles } = computeFeatures(set, [row(1, 'b'), row(99, null)], new Activity(set));
    expect([...matrix.values]).toEqual([NaN, 1, matrix.columns[2]!.levels.indexOf('level 1'), NaN, NaN, 60]);
    expect(profiles).toHaveLength(0);
  });

  it('distances are great circles', () => {
    const schema = shipped('sparkov');
    const set = createFeatureSet(schema, emptyPriors(schema));
    const values = Object.fromEntries(schema.numeric.map((f) => [f.column, 0]));
    Object.assign(values, { lat: 52.52, long: 13.405, merch_lat: 48.8566, merch_long: 2.3522 });
    const { matrix } = computeFeatures(
      set,
      [
        {
          id: '1',
          occurredAtMs: 0,
          entities: ['c', 'm'],
          amountMinor: 1,
          currency: 'USD',
          numeric: schema.numeric.map((f) => values[f.column]!),
          categorical: ['food', 'F', 'TX'],
        },
      ],
      new Activity(set),
    );
    expect(matrix.values.at(-1)).toBeCloseTo(877.5, 0);
  });
});
