import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBacktest } from './backtest-data.js';
import { evaluate, type EvaluateOptions } from './evaluate.js';
import { fit } from './fit.js';
import { interpolate } from './interpolate.js';
import { sample, type SampleOptions } from './sample.js';
import { formatP, score } from './score.js';
import { check, infer } from './schema.js';
import type { CommandIo } from './command-io.js';
import type { Config } from '../config.js';
import { PolicySchema } from '../domain/decision.js';
import { createRandom } from '../domain/random.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-cli-'));
  await writeFile(join(folder, 'table.csv'), table(300));
  await writeFile(join(folder, 'stream.csv'), stream(0, 20));
  await writeFile(join(folder, 'later.csv'), stream(20, 24));
  await writeFile(join(folder, 'cards.yaml'), CARDS);
});
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** Frauds are shifted by three. */
const table = (rows: number): string => {
  const random = createRandom(1);
  const lines = Array.from({ length: rows }, (_, i) => {
    const fraud = i % 10 === 0 ? 1 : 0;
    return [`t${i}`, random.normal() + 3 * fraud, random.normal(), fraud, i < rows / 2 ? 1 : 0].join();
  });
  return `id,x,y,label,split0\n${lines.join('\n')}\n`;
};

const CARDS = `
name: cards
description: Twelve cards at eight shops.
id: id
time: { column: time, format: sql }
entities:
  - { name: card, column: card }
  - { name: shop, column: shop }
amount: { column: amount, currency: EUR }
label: { column: label, delayDays: 2 }
features: { set: full, markovEntity: shop, windowsDays: [1, 7], density: gaussian-mixture }
`;
/** Every 3 hours a payment per card; one in 25 is a fraud of ten times the amount. */
const stream = (fromDay: number, toDay: number): string => {
  const random = createRandom(fromDay + 2);
  const lines: string[] = [];
  for (let hour = 24 * fromDay; hour < 24 * toDay; hour += 3)
    for (let card = 0; card < 12; card += 1) {
      const fraud = random.uniform() < 0.04;
      const amount = (20 + card) * Math.exp(0.3 * random.normal()) * (fraud ? 10 : 1);
      const time = new Date(Date.UTC(2026, 0, 1, hour, card)).toISOString().slice(0, 19).replace('T', ' ');
      lines.push([`p${hour}-${card}`, time, `c${card}`, `s${random.integer(8)}`, amount.toFixed(2), fraud ? 1 : 0].join());
    }
  return `id,time,card,shop,amount,label\n${lines.join('\n')}\n`;
};

const config = {
  tensorBackend: 'reference',
  models: {},
  policy: PolicySchema.parse({
    version: 'test',
    budget: { share: 0.05 },
    ranking: { kind: 'lanes', weights: { S: 0.7, T: 0.2, H: 0.1, D: 0 } },
    declineBelow: 0.1,
  }),
} as unknown as Config;

/** @param steps collects the steps of work that began */
const run = async (
  command: (io: CommandIo) => Promise<void>,
  steps: string[] = [],
): Promise<{ out: string; notes: string[] }> => {
  let out = '';
  const notes: string[] = [];
  const write = (text: string): Promise<void> => {
    out += text;
    return Promise.resolve();
  };
  await command({
    write,
    progress: { report: (step) => steps.push(step), note: (text) => notes.push(text), stop: () => undefined },
  });
  return { out, notes };
};
const csv = async (name: string): Promise<string[][]> =>
  (await readFile(at(name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(','));

interface Printed {
  detectors: { name: string; seeds: { seed: number; auroc: number }[]; mean: { auroc: number; auprc: number } }[];
}
const evaluated = async (options: Partial<EvaluateOptions>): Promise<Printed> => {
  const base: EvaluateOptions = { data: at('table.csv'), label: 'label', protocol: 'one-class', seeds: 1, json: true };
  const { out } = await run((io) => evaluate({ ...base, ...options }, config, io));
  expect(out.trim().split('\n')).toHaveLength(1);
  return JSON.parse(out) as Printed;
};

describe('evaluate', () => {
  it('prints figures per seed with their mean, and writes exactly the judged rows', async () => {
    const { detectors } = await evaluated({ split: 'split0', detector: ['tail'], seeds: 2, scores: at('scores.csv') });
    expect(detectors).toHaveLength(1);
    expect(detectors[0]!.seeds.map((s) => s.seed)).toEqual([0, 1]);
    expect(detectors[0]!.mean.auroc).toBeGreaterThan(0.85);
    const [header, ...rows] = await csv('scores.csv');
    expect(header).toEqual(['id', 'score', 'score_tail']);
    expect(rows.map((row) => row[0])).toEqual(Array.from({ length: 150 }, (_, i) => `t${150 + i}`));
  });

  it('learns from labels under protocol supervised', async () => {
    const { detectors } = await evaluated({ split: 'split0', protocol: 'supervised' });
    expect(detectors[0]).toMatchObject({ name: 'log-odds-ensemble' });
    expect(detectors[0]!.mean.auroc).toBeGreaterThan(0.95);
  });

  it('refuses detectors that do not exist or do not fit', async () => {
    await expect(evaluated({ detector: ['oracle'] })).rejects.toThrow(/no detector "oracle"/);
    await expect(evaluated({ detector: ['logistic-regression'] })).rejects.toThrow(/learns from labels/);
    await expect(evaluated({ detector: ['markov-filter'] })).rejects.toThrow(/which plain tables lack/);
  });
});

describe('schema', () => {
  it('infers a schema that check accepts', async () => {
    const { out } = await run((io) => infer(at('stream.csv'), { label: 'label' }, io));
    await writeFile(at('inferred.yaml'), out);
    const checked = await run((io) => check(at('inferred.yaml'), { data: at('stream.csv'), json: true }, io));
    expect(JSON.parse(checked.out)).toMatchObject({ schema: 'stream', ok: true, rows: 1920, refused: 0 });
  });

  it('names the rows that do not fit', async () => {
    await writeFile(at('broken.csv'), (await readFile(at('stream.csv'), 'utf8')).replace('2026-01-01 00:01:00', 'yesterday'));
    const checking = run((io) => check(at('cards.yaml'), { data: at('broken.csv') }, io));
    await expect(checking).rejects.toThrow(/1 rows .* do not fit; the first: line 3: time/);
  });

  it('names a column that is missing', async () => {
    await expect(run((io) => check(at('cards.yaml'), { data: at('table.csv') }, io))).rejects.toThrow(
      /no column "time" \(schema cards\)/,
    );
  });
});

describe('fit and score', () => {
  it('fits a folder, and scores what comes next from where the fit ended', async () => {
    const detector = ['logistic-regression', 'tail', 'markov-filter'];
    const fitted = await run((io) =>
      fit({ schema: at('cards.yaml'), data: at('stream.csv'), detector, out: at('model'), json: true }, config, io),
    );
    expect(JSON.parse(fitted.out)).toMatchObject({
      version: expect.stringMatching(/^cards-20260120T211100Z-[0-9a-f]{8}$/) as string,
      estimators: { S: 'logistic-regression', T: 'tail', H: 'markov-filter' },
    });
    const scored = await run((io) =>
      score({ model: at('model'), data: at('later.csv'), out: at('out.csv'), json: true }, config, io),
    );
    expect(scored.notes).toEqual([]);
    const [header, ...rows] = await csv('out.csv');
    const channels = ['S', 'T', 'H'].flatMap((channel) => [`score_${channel}`, `p_${channel}`]);
    expect(header).toEqual(['id', 'score', 'p', ...channels, 'fraud_probability', 'decision', 'lane', 'reasons']);
    expect(rows).toHaveLength(384);
    const summary = JSON.parse(scored.out) as { rows: number; alerts: number };
    expect(summary.rows).toBe(384);
    expect(rows.filter((row) => row[10] !== 'approve')).toHaveLength(summary.alerts);
    // Frauds are ten times the habit: with a warm memory nearly all of them are found.
    const frauds = new Set((await csv('later.csv')).filter((row) => row[5] === '1').map((row) => row[0]));
    const caught = rows.filter((row) => frauds.has(row[0]) && row[10] !== 'approve');
    expect(caught.length / frauds.size).toBeGreaterThan(0.7);
    expect(caught.every((row) => row[12] !== '')).toBe(true);
  });

  it('leaves earlier data undecided until its own history fills the windows, and says so', async () => {
    const scored = await run((io) =>
      score({ model: at('model'), data: at('stream.csv'), out: at('again.csv'), json: true }, config, io),
    );
    // Windows of 7 days, ending at a label delay of 2.
    expect(scored.notes.join()).toMatch(/history of its own.* first 9.0 days, before 2026-01-10T00:00:00\.000Z, .* undecided/);
    const summary = JSON.parse(scored.out) as { rows: number; decided: number; alerts: number };
    expect(summary).toMatchObject({ rows: 1920, decided: 11 * 96 });
    const rows = (await csv('again.csv')).slice(1);
    const [early, later] = [rows.slice(0, 9 * 96), rows.slice(9 * 96)];
    // score and p of the ranking and of S, T, H, then the fraud probability, decision, lane and reasons.
    for (const [, ranking, p, scoreS, pS, , pT, , pH, , decision, lane] of early) {
      expect([ranking, p, pS, pT, pH, decision, lane]).toEqual(['', '', '', '', '', 'undecided', '']);
      expect(Number.isFinite(Number.parseFloat(scoreS!))).toBe(true);
    }
    expect(later.every((row) => row[2] !== '' && ['approve', 'review', 'decline'].includes(row[10]!))).toBe(true);
    expect(later.filter((row) => row[10] !== 'approve')).toHaveLength(summary.alerts);
    // The budget is 5 %, and 4 % are frauds.
    expect(summary.alerts / summary.decided).toBeGreaterThan(0.02);
    expect(summary.alerts / summary.decided).toBeLessThan(0.08);
  });

  it('decides on every row of a schema that remembers nothing', async () => {
    await writeFile(at('plain.yaml'), CARDS.replace(/features:.*/, 'features: { set: columns, density: gaussian-mixture }'));
    await run((io) =>
      fit({ schema: at('plain.yaml'), data: at('stream.csv'), detector: ['tail'], out: at('plain') }, config, io),
    );
    const scored = await run((io) => score({ model: at('plain'), data: at('stream.csv'), out: at('plain.csv') }, config, io));
    expect(scored.notes).toEqual([]);
    expect(scored.out).toMatch(/^1920 rows scored, \d+ alerts \(\d\.\d\d %\), written to/);
  });

  it('refuses a folder without a model, and two detectors of one channel', async () => {
    await expect(run((io) => score({ model: folder, data: at('later.csv'), out: at('x.csv') }, config, io))).rejects.toThrow(
      /holds no usable model/,
    );
    const two = { schema: at('cards.yaml'), data: at('stream.csv'), detector: ['flow', 'vae'], out: at('model') };
    await expect(run((io) => fit(two, config, io))).rejects.toThrow(/both detectors of channel D/);
    const from = { schema: at('cards.yaml'), data: at('stream.csv'), out: at('never'), warmStart: at('nowhere') };
    await expect(run((io) => fit(from, config, io))).rejects.toThrow(/nowhere holds no usable model: expected a folder that/);
  });

  it('refuses what it cannot write before any work begins', async () => {
    const none = join(folder, 'none', 'x.csv');
    const underFile = join(at('table.csv'), 'model');
    const steps: string[] = [];
    const fitting = { schema: at('cards.yaml'), data: at('stream.csv'), out: underFile };
    await expect(run((io) => fit(fitting, config, io), steps)).rejects.toThrow(/model cannot be written .*table\.csv is a file/);
    const scoring = { model: at('model'), data: at('later.csv'), out: none };
    await expect(run((io) => score(scoring, config, io), steps)).rejects.toThrow(/cannot be written/);
    const evaluating = { data: at('table.csv'), label: 'label', protocol: 'one-class', seeds: 1, scores: none } as const;
    await expect(run((io) => evaluate(evaluating, config, io), steps)).rejects.toThrow(/cannot be written/);
    const days = { start: '2026-01-08', trainDays: 7, delayDays: 2, testDays: 3, seed: 0 };
    const testing = { schema: at('cards.yaml'), data: at('stream.csv'), ...days, scores: folder };
    await expect(run((io) => runBacktest(testing, config, io), steps)).rejects.toThrow(
      /cannot be written: surprisal-cli-.* is a folder/,
    );
    expect(steps).toEqual([]);
  });

  it('writes p-values below the smallest double', () => {
    expect(formatP(405.5)).toBe('3.162278e-406');
    expect(formatP(0.5)).toBe('3.162278e-1');
    expect(formatP(2)).toBe('1.000000e-2');
    expect(Number(formatP(0))).toBe(1);
  });
});

describe('sample', () => {
  const sampled = (options: Partial<SampleOptions>): Promise<{ out: string; notes: string[] }> =>
    run((io) => sample({ data: at('table.csv'), label: 'label', n: 200, seed: 0, out: at('drawn.csv'), ...options }, config, io));

  it('draws rows in the data’s own units, given the values of some columns', async () => {
    const { out } = await sampled({ given: ['x=2'], json: true });
    expect(JSON.parse(out)).toMatchObject({ rows: 200, effectiveSize: 200, detector: 'gaussian-mixture' });
    const [header, ...rows] = await csv('drawn.csv');
    expect(header).toEqual(['x', 'y']);
    expect(rows.every(([x]) => x === '2')).toBe(true);
    // Independent of x, and standard normal among the legitimate rows: the standard error of 200 is 0.07.
    expect(Math.abs(rows.reduce((sum, [, y]) => sum + Number(y), 0) / 200)).toBeLessThan(0.35);
  });

  it('the same seed draws the same rows, another seed others', async () => {
    await sampled({ seed: 3, out: at('first.csv') });
    await sampled({ seed: 3, out: at('again.csv') });
    await sampled({ seed: 4, out: at('other.csv') });
    expect(await csv('again.csv')).toEqual(await csv('first.csv'));
    expect(await csv('other.csv')).not.toEqual(await csv('first.csv'));
  });

  it.each([
    [{ given: ['size=1'] }, /--given size=1: no column "size"; there are x, y/],
    [{ given: ['x=tall'] }, /--given x=tall: "tall" is no number/],
    [{ given: ['x'] }, /--given x: expected column=value/],
    [{ given: ['x=1', 'y=2', 'x=1'] }, /--given x=1: column "x" is given twice/],
    [{ detector: 'tail' }, /detector tail draws no rows/],
    [{ detector: 'logistic-regression' }, /detector logistic-regression draws no rows/],
  ])('%j is refused', async (options, message) => {
    await expect(sampled(options)).rejects.toThrow(message);
  });
});

describe('interpolate', () => {
  const options = { label: 'label', from: 't1', to: 't2', steps: 5, seed: 0, json: true };

  it('prints the path from one row to the other, each step with its surprisal', async () => {
    const { out } = await run((io) =>
      interpolate({ ...options, data: at('table.csv') }, { ...config, tensorBackend: 'simd' }, io),
    );
    const { steps } = JSON.parse(out) as { steps: { row: Record<string, number>; surprisal: number }[] };
    expect(steps).toHaveLength(5);
    const [, ...rows] = await csv('table.csv');
    for (const [step, line] of [
      [0, 1],
      [4, 2],
    ] as const)
      for (const [c, name] of ['x', 'y'].entries()) expect(steps[step]!.row[name]).toBeCloseTo(Number(rows[line]![c + 1]), 2);
    expect(steps.every(({ surprisal }) => Number.isFinite(surprisal))).toBe(true);
  });

  it('refuses a row that is not there, and a detector without a latent space', async () => {
    const data = at('table.csv');
    await expect(run((io) => interpolate({ ...options, data, to: 'nobody' }, config, io))).rejects.toThrow(
      /--to nobody: the data have no row/,
    );
    await expect(run((io) => interpolate({ ...options, data, detector: 'gaussian-mixture' }, config, io))).rejects.toThrow(
      /gaussian-mixture has no latent space/,
    );
  });
});
