import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, type CompareOptions } from './compare.js';
import type { CommandIo } from './command-io.js';
import type { Config } from '../config.js';
import { PolicySchema } from '../domain/decision.js';
import { createRandom } from '../domain/random.js';

let folder = '';
const at = (name: string): string => join(folder, name);

/** Frauds are shifted by three. The column's name would be markup. */
const table = (): string => {
  const random = createRandom(1);
  const lines = Array.from({ length: 400 }, (_, i) => {
    const fraud = i % 10 === 0 ? 1 : 0;
    return [`t${i}`, random.normal() + 3 * fraud, random.normal(), fraud].join();
  });
  return `id,<b>x,y,label\n${lines.join('\n')}\n`;
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
features: { set: rfm, windowsDays: [1, 7], density: gaussian-mixture }
`;
/** Every 3 hours a payment per card; one in 25 is a fraud of ten times the amount. */
const stream = (): string => {
  const random = createRandom(2);
  const lines: string[] = [];
  for (let hour = 0; hour < 24 * 16; hour += 3)
    for (let card = 0; card < 12; card += 1) {
      const fraud = random.uniform() < 0.04;
      const amount = (20 + card) * Math.exp(0.3 * random.normal()) * (fraud ? 10 : 1);
      const time = new Date(Date.UTC(2026, 0, 1, hour, card)).toISOString().slice(0, 19).replace('T', ' ');
      lines.push([`p${hour}-${card}`, time, `c${card}`, `s${random.integer(8)}`, amount.toFixed(2), fraud ? 1 : 0].join());
    }
  return `id,time,card,shop,amount,label\n${lines.join('\n')}\n`;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-compare-'));
  await writeFile(at('<i>&table.csv'), table());
  await writeFile(at('stream.csv'), stream());
  await writeFile(at('cards.yaml'), CARDS);
});
afterAll(() => rm(folder, { recursive: true }));

const config = {
  tensorBackend: 'reference',
  models: {},
  policy: PolicySchema.parse({
    version: 'test',
    budget: { share: 0.05 },
    ranking: { kind: 'lanes', weights: { S: 1, T: 0, H: 0, D: 0 } },
    declineBelow: 0.1,
  }),
} as unknown as Config;

const run = async (options: Partial<CompareOptions>, onStep: (step: string) => void = () => undefined): Promise<string> => {
  let out = '';
  const write = (text: string): Promise<void> => {
    out += text;
    return Promise.resolve();
  };
  const io: CommandIo = { write, progress: { report: onStep, note: () => undefined, stop: () => undefined } };
  const days = { trainDays: 7, delayDays: 2, testDays: 3 };
  const base = { data: at('<i>&table.csv'), detector: ['gaussian-mixture', 'logistic-regression', 'tail'], seeds: 1, ...days };
  await compare({ ...base, ...options }, config, io);
  return out;
};

interface Printed {
  readonly detectors: readonly { readonly name: string; readonly mean: { readonly auprc: number } }[];
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly [key: string]: unknown;
}

describe('compare', () => {
  it('writes one self-contained page and the figures, nothing else', async () => {
    const printed = await run({ label: 'label', out: at('report') });
    expect(printed).toMatch(/^detector +AUROC +AUPRC +precision at 5 % /);
    expect(printed).toMatch(/left out:\n {2}logistic-regression: learns from labels/);
    expect((await readdir(at('report'))).sort()).toEqual(['compare.csv', 'compare.html']);
    const page = await readFile(join(at('report'), 'compare.html'), 'utf8');
    expect(page).not.toMatch(/<script|<link|<img|<i>|<b>|https?:|url\(|@import/);
    expect(page).toContain('&#60;i&#62;&#38;table.csv');
    expect(page.match(/<svg /g)).toHaveLength(3 + 2 * 4);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    const [header, ...rows] = (await readFile(join(at('report'), 'compare.csv'), 'utf8')).trim().split('\n');
    expect(header).toMatch(/^detector,family,likelihood,learns_labels,auroc,.*,artifact_bytes,left_out$/);
    expect(rows.map((row) => row.split(',').length)).toEqual(rows.map(() => header!.split(',').length));
    expect(rows.map((row) => row.split(',')[0]).sort()).toEqual(['gaussian-mixture', 'logistic-regression', 'tail']);
  });

  it('a half of frauds alone leaves dashes and a sentence, never NaN', async () => {
    const [header, ...rows] = table().trim().split('\n');
    // 240 rows train; of the 160 that are judged, in order of time, the earlier half are frauds alone.
    const oneSided = rows.map((row, i) => (i >= 240 && i < 320 ? row.replace(/\d$/, '1') : row));
    await writeFile(at('halves.csv'), `${header}\n${oneSided.join('\n')}\n`);
    const judged = { label: 'label', data: at('halves.csv'), protocol: 'supervised', detector: ['tail'] } as const;
    const printed = await run({ ...judged, out: at('halves') });
    expect(printed).toMatch(/^tail +0\.\d{4} +0\.\d{4} +\S+( %)? +– +– /m);
    expect(printed).toContain('no calibration error: one half of the judged rows');
    const written = await Promise.all(['compare.html', 'compare.csv'].map((name) => readFile(join(at('halves'), name), 'utf8')));
    for (const text of [printed, ...written]) expect(text).not.toMatch(/NaN|Infinity|undefined/);
    const json = JSON.parse(await run({ ...judged, json: true })) as Printed;
    expect(json['calibrationNoise']).toBeNull();
    expect(json.detectors[0]!.mean).toMatchObject({ calibrationError: null, achievedAtOnePercent: null });
  });

  it('a schema with time and entities makes a stream: delayed labels, features by the online line', async () => {
    const stream = { schema: at('cards.yaml'), data: at('stream.csv'), json: true };
    const whole = JSON.parse(await run(stream)) as Printed;
    expect(whole).toMatchObject({ protocol: 'supervised', leftOut: [] });
    // Amounts by ten stand out of a card's own habit.
    expect(whole.detectors[0]!.mean.auprc).toBeGreaterThan(0.7);
    const book = JSON.parse(await run({ ...stream, start: Date.UTC(2026, 0, 3) })) as Printed;
    expect(book['trainRows']).toBe(7 * 8 * 12);
    expect(book['testRows']).toBeLessThan(3 * 8 * 12);
    const columns = JSON.parse(await run({ ...stream, detector: ['tail', 'markov-filter'] })) as Printed;
    expect(columns.leftOut).toEqual([{ name: 'markov-filter', reason: 'needs the feature "markov", which these data lack' }]);
  });

  it('Ctrl-C: what is finished is written and said, before that nothing', async () => {
    const cancelAt = (wanted: string) => (step: string) => {
      if (step === wanted) process.emit('SIGINT');
    };
    const out = at('cancelled');
    const detector = ['tail', 'gaussian-mixture', 'vae'];
    const early = run({ label: 'label', out, detector }, cancelAt('1/3 tail'));
    await expect(early).rejects.toThrow('cancelled before a detector was judged; nothing is written');
    expect(await readdir(out)).toEqual([]);
    const late = run({ label: 'label', out, detector }, cancelAt('2/3 gaussian-mixture'));
    await expect(late).rejects.toThrow('cancelled: 1 of 3 detectors are judged');
    expect((await readFile(join(out, 'compare.csv'), 'utf8')).match(/cancelled/g)).toHaveLength(2);
    expect(await readFile(join(out, 'compare.html'), 'utf8')).toContain('<strong>Cancelled</strong>');
    expect(process.listenerCount('SIGINT')).toBe(0);
  });

  it('refuses wrong use before the work', async () => {
    await expect(run({})).rejects.toThrow(/--label is needed/);
    await expect(run({ label: 'label', detector: ['oracle'] })).rejects.toThrow(/no detector "oracle"/);
    await expect(run({ label: 'label', start: 0 })).rejects.toThrow(/--start needs a --schema with time/);
    await expect(run({ label: 'label', out: at('cards.yaml') })).rejects.toThrow(
      /^the comparison cannot be written to .*: .*cards\.yaml is a file$/,
    );
    const stream = { schema: at('cards.yaml'), data: at('stream.csv') };
    await expect(run({ ...stream, label: 'shop' })).rejects.toThrow(/label of schema "cards" is "label"/);
    await expect(run({ ...stream, split: 'shop' })).rejects.toThrow(/--split and --test are for tables/);
    await expect(run({ ...stream, start: Date.UTC(2030, 0, 1) })).rejects.toThrow(/do not fit .*2026-01-01 to 2026-01-16/);
  });
});
