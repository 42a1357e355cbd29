import { loadConfig, loadSchema } from '../src/config.js';
import { createRandom } from '../src/domain/random.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { coldWorld } from '../test/support/cold-start.js';
import { priorModel } from '../src/training/prior-model.js';
import { saveScoringModel } from '../src/scoring/scoring-model.js';
import { buildDataset } from '../src/training/dataset.js';
import { retrain, defaultEstimators } from '../src/training/retrain.js';
import { scoreChannels } from '../src/scoring/score-batch.js';
import { scoreSlice } from '../src/training/score-slice.js';
import { openDataFile } from '../src/data-file.js';
import { readHistory } from '../src/data-history.js';
const config = loadConfig();
const { policy } = config;
const backend = await createTensorBackend('simd', () => undefined);
const [kind, first, seeds, ns, after] = process.argv.slice(2) as [string, string, string, string, string];
const ap = (y: boolean[], s: ArrayLike<number>) => { const o = [...y.keys()].sort((a, b) => s[b]! - s[a]!); let tp = 0, sum = 0; o.forEach((i, k) => { if (y[i]) { tp++; sum += tp / (k + 1); } }); return sum / tp; };
for (let seed = Number(first); seed < Number(first) + Number(seeds); seed++) {
  const nMax = Math.max(...ns.split(',').map(Number));
  const w = kind === 'handbook' ? await (async () => { const schema = loadSchema('handbook'); const h = await readHistory(await openDataFile('/work/shared/data/handbook-stream.csv.gz'), schema, true, () => undefined); return { schema, transactions: h.transactions.slice(0, 120000), labels: h.labels }; })() : coldWorld({ seed, customers: Number(kind), days: Math.ceil((nMax + Number(after)) / (Number(kind) * 2.9)) + 1 });
  const { schema, transactions } = w;
  const prior = priorModel(schema)!;
  const bytes = saveScoringModel(prior);
  const frauds = new Set(w.labels.filter((l) => l.isFraud).map((l) => l.transactionId));
  for (const n of ns.split(',').map(Number)) {
    const asOfMs = transactions[n]!.occurredAtMs;
    const labels = w.labels.filter((l) => l.isFraud);
    const fitted: [string, import('../src/scoring/scoring-model.js').ScoringModel][] = [];
    for (const without of ['SH', 'S', '']) {
      const estimators = Object.fromEntries(Object.entries(defaultEstimators(schema)).filter(([k]) => !without.includes(k)));
      const c = await retrain({ schema, transactions: transactions.slice(0, n), labels: labels.filter((l) => l.knownAtMs <= asOfMs), trainFromMs: 0, trainToMs: transactions[Math.floor(n * 0.75)]!.occurredAtMs, asOfMs, policy, parameters: config.models, estimators, version: 'c', featuresOf: bytes }, { random: createRandom(1), backend });
      if (without === '' && !c.model.detectors.S) continue;
      fitted.push([Object.keys(c.model.detectors).join(''), c.model]);
    }
    const fromMs = asOfMs; const testTo = transactions[n + Number(after) - 1]!.occurredAtMs;
    const test = transactions.filter((x) => x.occurredAtMs <= testTo);
    const ds = await buildDataset(prior.featureSet, test, labels, { keepFromMs: fromMs, keepToMs: testTo + 1 });
    const y = ds.transactions.map((x) => frauds.has(x.id));
    const out = [['prior', prior] as const, ...fitted].map(([name, m]) => { const s = scoreSlice(m, ds, fromMs, policy, () => 0); const caught = y.filter((v, i) => v && s.alerted[i]).length; const al = s.alerted.reduce((a, b) => a + b, 0); const ch = scoreChannels(m, ds.features); return `${name} [T ${ap(y, ch.T).toFixed(3)} D ${ap(y, ch.D).toFixed(3)} H ${ap(y, ch.H).toFixed(3)}] F ${ap(y, s.scores).toFixed(3)} recall ${(caught / y.filter(Boolean).length).toFixed(3)} prec ${(caught / al).toFixed(2)}`; });
    console.log(`${kind} seed ${seed} n ${n} days ${((asOfMs - transactions[0]!.occurredAtMs) / 864e5).toFixed(1)}: \n  ${out.join('\n  ')}\n  (${y.filter(Boolean).length} frauds of ${y.length})`);
  }
}
