import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diagnose, type DiagnoseOptions } from './diagnose.js';
import type { CommandIo } from './command-io.js';
import type { Config } from '../config.js';
import { createRandom } from '../domain/random.js';
import type { Diagnosis } from '../training/diagnose-likelihood.js';
import type { Finding } from '../training/diagnosis-findings.js';

let folder = '';
const at = (name: string): string => join(folder, name);

/** Every twentieth row lies at the mode of eight columns, where hardly an ordinary one does. */
const table = (): string => {
  const random = createRandom(1);
  const lines = Array.from({ length: 1200 }, (_, i) => {
    const fraud = i % 20 === 0 ? 1 : 0;
    const cells = Array.from({ length: 8 }, () => (fraud ? 0.05 : 1) * random.normal());
    return [`t${i}`, ...cells, fraud, i < 600 && !fraud ? 1 : 0].join();
  });
  return `id,a,b,c,d,e,f,g,h,label,split0\n${lines.join('\n')}\n`;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-diagnose-'));
  await writeFile(at('table.csv'), table());
});
afterAll(() => rm(folder, { recursive: true }));

const config = {
  tensorBackend: 'reference',
  models: { 'gaussian-mixture': { componentsMax: 1 } },
} as unknown as Config;
const run = async (options: Partial<DiagnoseOptions>): Promise<string> => {
  let out = '';
  const write = (text: string): Promise<void> => {
    out += text;
    return Promise.resolve();
  };
  const io: CommandIo = { write, progress: { report: () => undefined, note: () => undefined, stop: () => undefined } };
  const days = { trainDays: 7, delayDays: 7, testDays: 7 };
  await diagnose({ data: at('table.csv'), seed: 0, ...days, ...options }, config, io);
  return out;
};

describe('diagnose', () => {
  it('says in sentences that likelihood misleads and what to use, with labels', async () => {
    const out = await run({ label: 'label', split: 'split0' });
    expect(out).toMatch(
      /^plain likelihood would mislead on these data: \d reasons\n! frauds are more likely than legitimate rows/,
    );
    expect(out).toMatch(/use the distance from the typical surprisal/);
    expect(out).toMatch(/likelihood +0\.\d{4} +0\.\d{4}/);
    expect(out).not.toMatch(/NaN|undefined/);
  });

  it('finds it by the split without labels, and nothing where training saw the same', async () => {
    // The label column would be a feature of its own.
    const printed = async (options: Partial<DiagnoseOptions>) =>
      JSON.parse(await run({ json: true, ...options })) as Diagnosis & { misleads: boolean; findings: Finding[] };
    const split = await printed({ split: 'split0', label: 'label' });
    expect(split).toMatchObject({ misleads: true, fitRows: expect.any(Number) as number, checkedFrauds: 60 });
    const mixed = await printed({});
    expect(mixed).toMatchObject({ checkedFrauds: null, variants: null });
    expect(mixed.fitRows + mixed.heldBackRows + mixed.checkedRows).toBe(1200);
    expect(await run({})).toBe(await run({}));
  });

  it('refuses what has no likelihood, and a label that is not there', async () => {
    await expect(run({ detector: 'tail' })).rejects.toThrow(/detector tail has no likelihood to diagnose/);
    await expect(run({ detector: 'logistic-regression' })).rejects.toThrow(/has no likelihood/);
    await expect(run({ detector: 'oracle' })).rejects.toThrow(/no detector "oracle"/);
    await expect(run({ label: 'colour' })).rejects.toThrow(/no column "colour"/);
  });
});
