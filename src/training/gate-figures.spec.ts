import { averagePrecision } from '../domain/ranking.js';
import { createRandom } from '../domain/random.js';
import { calibrationError, cardPrecisionAtK } from './evaluate.js';
import { alertFigures, labelFigures } from './gate-figures.js';
import { judgedRows } from './gate-rows.js';
import { GateSettingsSchema } from './gate-settings.js';

const random = createRandom(8);
const entitiesCount = 60;
const rows = Array.from({ length: 1500 }, (_, i) => {
  const entity = random.integer(entitiesCount);
  const label = random.uniform() < 0.1 ? -1 : random.uniform() < 0.08 ? 1 : 0;
  // Two decimals: many ties.
  const score = Math.round(100 * (Math.max(0, label) + random.normal())) / 100;
  const probability = Math.min(1, Math.max(0, 0.05 + 0.1 * random.normal()));
  return { entity, label, score, probability, day: Math.floor(i / 150), segment: entity % 3, alerted: score > 1.5 ? 1 : 0 };
});
type Row = (typeof rows)[number];

const settings = GateSettingsSchema.parse({});
const judgedOf = (all: readonly Row[]) =>
  judgedRows(
    {
      labels: Int8Array.from(all, (row) => row.label),
      entities: Int32Array.from(all, (row) => row.entity),
      days: Int32Array.from(all, (row) => row.day),
      segments: { numbers: Int32Array.from(all, (row) => row.segment), names: ['x', 'y', 'z'] },
    },
    0.05,
    settings,
  );
const judged = judgedOf(rows);
const side = {
  scores: Float64Array.from(rows, (row) => row.score),
  alerted: Uint8Array.from(rows, (row) => row.alerted),
  fraudProbabilities: Float64Array.from(rows, (row) => row.probability),
};
const figures = [...alertFigures('c', judged, side), ...labelFigures('c', judged, side)];
const figuresAt = (weights: Int32Array): Record<string, number> =>
  Object.fromEntries(figures.flatMap(({ keys, of }) => of(weights).map((value, i) => [keys[i]!, value])));

/** The same figures by the functions that judge elsewhere, of rows that are there as often as the weights say. */
const bruteForce = (weights: Int32Array): Record<string, number> => {
  const clusterOf = new Map(rows.map((row, i) => [row.entity, judged.clusters[i]!]));
  const copies = Array.from({ length: Math.max(...weights) }, (_, copy) =>
    rows.filter((row) => weights[clusterOf.get(row.entity)!]! > copy).map((row) => ({ ...row, card: `${row.entity}/${copy}` })),
  ).flat();
  const matured = copies.filter((row) => row.label >= 0);
  const share = (of: readonly Row[]): number => of.filter((row) => row.alerted === 1).length / of.length;
  const ap = (of: readonly Row[]): number =>
    averagePrecision(
      of.map((row) => row.label),
      of.map((row) => row.score),
    );
  const segment = (name: string, number: number): Record<string, number> => {
    const own = matured.filter((row) => row.segment === number);
    return {
      [`c/segment/${name}/averagePrecision`]: ap(own),
      [`c/segment/${name}/caught`]: share(own.filter((row) => row.label === 1)),
    };
  };
  return {
    'c/alerts': share(copies),
    'c/falseAlarms': share(matured.filter((row) => row.label === 0)),
    'c/averagePrecision': ap(matured),
    'c/lift': ap(matured) / (matured.filter((row) => row.label === 1).length / matured.length),
    ...segment('x', 0),
    ...segment('y', 1),
    ...segment('z', 2),
  };
};

describe('figures of the gate', () => {
  const ones = new Int32Array(judged.clusterCount).fill(1);

  test('on the data themselves they are what the functions that judge elsewhere say', () => {
    const at = figuresAt(ones);
    for (const [key, value] of Object.entries(bruteForce(ones))) expect([key, at[key]]).toEqual([key, expect.closeTo(value, 12)]);
    const matured = rows.filter((row) => row.label >= 0);
    const cards = matured.map(({ day, entity, label, score }) => ({ day, card: String(entity), isFraud: label === 1, score }));
    expect(judged.cardsPerDay).toBe(Math.round((0.05 * matured.length) / 10));
    expect(at['c/cardPrecision']).toBeCloseTo(cardPrecisionAtK(cards, judged.cardsPerDay), 12);
    const perfect = cards.map((card) => ({ ...card, score: card.isFraud ? 1 : 0 }));
    expect(at['c/cardPrecisionOfBest']).toBeCloseTo(
      cardPrecisionAtK(cards, judged.cardsPerDay) / cardPrecisionAtK(perfect, judged.cardsPerDay),
      12,
    );
    const labels = matured.map((row) => row.label);
    const error = calibrationError(
      labels,
      matured.map((row) => row.probability),
    );
    expect(at['c/calibrationError']).toBeCloseTo(error / (labels.filter((label) => label === 1).length / labels.length), 10);
  });

  test('weights are copies: a resample has the figures of rows that are there so often', () => {
    const draw = createRandom(3);
    for (let i = 0; i < 5; i += 1) {
      const weights = Int32Array.from(ones, () => draw.integer(4));
      const at = figuresAt(weights);
      for (const [key, value] of Object.entries(bruteForce(weights)))
        expect([key, at[key]]).toEqual([key, expect.closeTo(value, 12)]);
    }
  });

  test('card precision of resampled cards is the book’s, a copy being a card of its own', () => {
    const draw = createRandom(4);
    const untied = rows.map((row) => ({ ...row, score: row.score + 1e-6 * draw.uniform() }));
    const [, cards] = labelFigures('c', judged, { ...side, scores: Float64Array.from(untied, (row) => row.score) });
    for (let i = 0; i < 5; i += 1) {
      const weights = Int32Array.from(ones, () => draw.integer(3));
      // Copies side by side: of equal scores the first comes first, as among the cards of the day.
      const copies = untied.flatMap((row, r) =>
        [0, 1].flatMap((copy) =>
          row.label >= 0 && weights[judged.clusters[r]!]! > copy
            ? [{ day: row.day, card: `${row.entity}/${copy}`, isFraud: row.label === 1, score: row.score }]
            : [],
        ),
      );
      const k = judged.cardsPerDay;
      expect(cards!.keys[0]).toBe('c/cardPrecision');
      expect(cards!.of(weights)[0]).toBeCloseTo(cardPrecisionAtK(copies, k), 12);
      const best = cardPrecisionAtK(
        copies.map((copy) => ({ ...copy, score: copy.isFraud ? 1 : 0 })),
        k,
      );
      expect(cards!.of(weights)[1]).toBeCloseTo(cardPrecisionAtK(copies, k) / best, 12);
    }
  });

  test('segments and parts of days with too few frauds are judged together or not at all', () => {
    const few = rows.map((row) => (row.segment === 2 && row.label === 1 && row.entity % 2 === 0 ? { ...row, label: 0 } : row));
    const fraudsIn = (all: readonly Row[], number: number): number =>
      new Set(all.filter((row) => row.segment === number && row.label === 1).map((row) => row.entity)).size;
    const limit = fraudsIn(few, 2) + 1;
    const grouped = judgedRows(
      {
        labels: Int8Array.from(few, (row) => row.label),
        entities: Int32Array.from(few, (row) => row.entity),
        days: Int32Array.from(few, (row) => row.day),
        segments: { numbers: Int32Array.from(few, (row) => row.segment), names: ['x', 'y', 'z'] },
      },
      0.05,
      GateSettingsSchema.parse({ fraudEntitiesMin: limit, days: { parts: 20 } }),
    );
    expect(grouped.segments.map(({ name }) => name)).toEqual(['x', 'y']);
    for (const { rows: part } of grouped.dayParts)
      expect(
        new Set(part.filter((row) => grouped.labels[row] === 1).map((row) => grouped.clusters[row])).size,
      ).toBeGreaterThanOrEqual(limit);
    expect(grouped.dayParts.flatMap(({ rows: part }) => part)).toHaveLength(grouped.matured.length);
    const days = grouped.dayParts.map(({ rows: part }) => part.map((row) => grouped.days[row]!));
    days.slice(1).forEach((part, i) => expect(Math.min(...part)).toBeGreaterThan(Math.max(...days[i]!)));
  });
});
