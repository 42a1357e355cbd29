import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config.js';
import { selectColumns, selectRows, type FeatureMatrix } from '../../src/domain/feature-matrix.js';
import { createFeatureSet } from '../../src/features/catalog.js';
import type { PreparedStream } from './prepared-stream.js';
import type { WeekModel } from './weekly.js';

/** XGBoost on the Handbook's own features of the same rows; its scores of the week's rows and the week before. */
export const peerScores = async (stream: PreparedStream, week: number, python: string): Promise<WeekModel> => {
  const { featureSet, features } = stream;
  const { schema, priors } = featureSet;
  const plain = createFeatureSet({ ...schema, features: { ...schema.features, set: 'rfm' } }, priors);
  const names = plain.columns.map(({ name }) => name);
  const own = selectColumns(features, names);
  const { train, trainLabels, before, test } = stream.weekRows(week);
  const scored = [...before, ...test];
  const folder = mkdtempSync(join(tmpdir(), 'surprisal-peer-'));
  try {
    const file = (name: string): string => join(folder, name);
    const bytes = ({ values }: FeatureMatrix): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    writeFileSync(file('train'), bytes(selectRows(own, train)));
    writeFileSync(file('labels'), trainLabels);
    writeFileSync(file('test'), bytes(selectRows(own, scored)));
    const script = join(packageRoot, 'bench', 'peers', 'retraining_peer.py');
    const paths = ['train', 'labels', 'test', 'scores'].map(file);
    await promisify(execFile)(python, [script, String(names.length), ...paths]);
    const read = readFileSync(file('scores'));
    const scores = new Float64Array(Uint8Array.from(read).buffer);
    const placeOf = new Map(scored.map((r, i) => [r, i]));
    return (rows) => {
      const none = new Float64Array(rows.length);
      return { S: Float64Array.from(rows, (r) => scores[placeOf.get(r)!]!), T: none, H: none, D: none };
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
