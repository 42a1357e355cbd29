/**
 * What an alert's explanation costs beside its score: the Shapley values of each tree model, on simulated rows of which one in a
 * hundred is a fraud. Run: npm run bench:explanations -- [--rows 40000] [--columns 24]
 */
import { textTable } from '../src/cli/command-io.js';
import { type FeatureMatrix, featureMatrix, numericColumn, selectRows } from '../src/domain/feature-matrix.js';
import { createRandom } from '../src/domain/random.js';
import { estimators } from '../src/models/registry.js';
import { createSimdBackend } from '../src/tensor/simd.js';
import { readOptions } from './options.js';

const NAMES = ['gradient-boosting', 'ordered-boosting', 'random-forest', 'log-odds-ensemble'];
/** As many rows as a batch of the service brings at most, and of them about as many alerts. */
const BATCH_ROWS = 1000;
const ALERT_ROWS = 10;
const ROUND_MS = 1000;

/** Frauds are shifted in three columns, each by less than its spread; one legitimate row in fifty as well. */
const draw = (rowCount: number, width: number): { features: FeatureMatrix; labels: Uint8Array } => {
  const random = createRandom(1);
  const labels = new Uint8Array(rowCount);
  const values = Float32Array.from({ length: rowCount * width }, () => random.normal());
  for (let r = 0; r < rowCount; r += 1) {
    const isFraud = random.uniform() < 0.01;
    labels[r] = isFraud ? 1 : 0;
    if (!isFraud && random.uniform() > 0.02) continue;
    for (let i = 0; i < 3; i += 1) values[r * width + random.integer(Math.min(8, width))]! += 2.5;
  }
  const columns = Array.from({ length: width }, (_, c) => numericColumn(`x${c}`));
  return { features: featureMatrix(columns, values), labels };
};

/** Microseconds a row, the best of three rounds. */
const microseconds = (rowCount: number, work: () => unknown): number => {
  work();
  const rounds = Array.from({ length: 3 }, () => {
    const from = performance.now();
    let times = 0;
    while (performance.now() - from < ROUND_MS) {
      work();
      times += 1;
    }
    return (1000 * (performance.now() - from)) / times / rowCount;
  });
  return Math.min(...rounds);
};

const main = async (): Promise<void> => {
  const { rows, columns } = readOptions({ numbers: { rows: [40_000, 1000, 1_000_000], columns: [24, 3, 500] } });
  const data = draw(rows, columns);
  const batch = selectRows(data.features, [...Array(BATCH_ROWS).keys()]);
  const table: string[][] = [];
  for (const name of NAMES) {
    const detector = await estimators[name]!.fit(data, { random: createRandom(1), backend: createSimdBackend() });
    const scores = detector.score(batch);
    const top = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, ALERT_ROWS);
    const alerts = selectRows(batch, top);
    const score = microseconds(BATCH_ROWS, () => detector.score(batch));
    const terms = microseconds(ALERT_ROWS, () => detector.terms!(alerts));
    table.push([name, score.toFixed(2), terms.toFixed(0), (terms / score).toFixed(0), (1 + (0.01 * terms) / score).toFixed(2)]);
  }
  const header = ['detector', 'score, us a row', 'explanation, us an alert', 'ratio', 'cost of both at 1 % alerts'];
  process.stdout.write(textTable(header, table));
};

await main();
