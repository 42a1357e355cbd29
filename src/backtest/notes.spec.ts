import { learnedNotes, memoryNotes } from './notes.js';
import type { Calibration } from '../domain/calibration.js';
import type { ModelVersion } from '../domain/model-version.js';
import { DAY_MS } from '../domain/time.js';
import { loadSchema } from '../config.js';

const at = (day: number): number => Date.UTC(2026, 0, day);
const version = (report: object, dataToMs?: number): ModelVersion => ({
  ...{ version: 'm', schema: 'demo', featureSet: 'f', checksum: 'c', trainedAtMs: at(30), report: { ...report } },
  ...(dataToMs !== undefined && {
    origin: { dataFromMs: at(1), dataToMs, dataHash: '', schemaHash: '', parent: null, trainingRun: null, gate: null },
  }),
});
const calibration = { validFromDay: at(16) / DAY_MS } as Calibration;
const fitted = version({ trainToMs: at(10) });

test.each([
  ['before the end of the fitted rows', fitted, at(9), /^judged on its own training rows: .*01-09T00:00Z.*01-10T00:00Z/],
  ['after them, on rows of the first calibration', fitted, at(10), /^judged on rows of its own calibration: .*01-10.*01-16/],
  ['a day before the end of the data of a training run', version({ trainToMs: at(10) }, at(20)), at(19), /up to 2026-01-20/],
  ['a version that says nothing', version({}), at(28), /^nothing says up to when m was fitted/],
])('a span that begins %s is told so', (_name, model, fromMs, sentence) => {
  expect(learnedNotes(model, model === fitted ? calibration : null, fromMs)).toEqual([expect.stringMatching(sentence)]);
});

test.each([
  ['after the first calibration', fitted, at(16)],
  ['after the data of the training run', version({ trainToMs: at(10) }, at(20)), at(20)],
  ['under a prior model, which learned from nothing', version({ history: 'none' }), at(1)],
])('nothing is said of a span %s', (_name, model, fromMs) => {
  expect(learnedNotes(model, calibration, fromMs)).toEqual([]);
});

test('the memory note says how far the history goes back, where it is too short', () => {
  const schema = loadSchema('demo');
  expect(memoryNotes(schema, at(5), at(8))).toEqual([expect.stringMatching(/^the stored history begins 3.0 days before --from/)]);
  expect(memoryNotes(schema, at(8), at(8))).toEqual([expect.stringMatching(/^nothing is stored of the days before --from/)]);
  expect(memoryNotes(schema, at(-300), at(8))).toEqual([]);
});
