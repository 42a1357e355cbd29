/**
 * A service without history: alerts of its first days under the prior model, and from how many rows on a first model of the stream
 * finds more than the prior does. Demo worlds; each seed is a world of its own.
 * Run: npm run bench:cold-start -- [--first 1] [--seeds 20] [--customers 300,1000] [--days 2] [--worlds 3] [--rows 2000,5000,10000,20000,40000]
 */
import { textTable } from '../src/cli/command-io.js';
import { loadConfig } from '../src/config.js';
import { createRandom } from '../src/domain/random.js';
import { DAY_MS } from '../src/domain/time.js';
import type { Transaction } from '../src/domain/transaction.js';
import { saveScoringModel, type ScoringModel } from '../src/scoring/scoring-model.js';
import { createTensorBackend } from '../src/tensor-backend.js';
import { buildDataset } from '../src/training/dataset.js';
import { evaluateScores } from '../src/training/evaluate.js';
import { judgedFromMs } from '../src/training/judged-from.js';
import { priorModel } from '../src/training/prior-model.js';
import { defaultEstimators } from '../src/training/retrain.js';
import { scoreSlice } from '../src/training/score-slice.js';
import { trainCandidate } from '../src/training/train-candidate.js';
import { coldWorld, replayCold } from '../test/support/cold-start.js';
import { readOptions } from './options.js';

const { first, seeds, days, worlds, customers, rows } = readOptions({
  numbers: { first: [1, 0, 1e9], seeds: [20, 1, 1000], days: [2, 1, 14], worlds: [3, 0, 100] },
  lists: { customers: [300, 1000], rows: [2000, 5000, 10_000, 20_000, 40_000] },
});
const { policy, models: parameters, training } = loadConfig();
const { share } = policy.budget;
const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
const all = Array.from({ length: seeds }, (_, i) => first + i);

/** Alerts of each day in budgets, by seed. */
const rates = async (size: number): Promise<number[][]> => {
  const found: number[][] = [];
  for (const seed of all) {
    const { days: replayed } = await replayCold(coldWorld({ seed, customers: size, days }), policy);
    found.push(replayed.map(({ alerts, rows: n }) => alerts / n / share));
    process.stderr.write(
      `${size} customers, seed ${seed}: ${found
        .at(-1)!
        .map((rate) => rate.toFixed(2))
        .join(', ')} budgets\n`,
    );
  }
  return found;
};

/** Rows after the first model's that both are compared on. */
const COMPARED_ROWS = 8_000;
const CUSTOMERS = 1_000;
const PAYMENTS_A_DAY = 2_900;
const backend = await createTensorBackend('simd', () => undefined);

/** As the trainer does. */
const judgedFrom = (transactions: readonly Transaction[], asOfMs: number, delayDays: number): Promise<number> =>
  judgedFromMs(
    {
      firstMs: transactions[0]!.occurredAtMs,
      borderOf: (toMs, part) => {
        const before = transactions.filter((t) => t.occurredAtMs < toMs);
        return before[Math.floor((1 - part) * before.length)]!.occurredAtMs;
      },
    },
    { asOfMs, delayMs: delayDays * DAY_MS, judgeDays: training.history.judgeDays },
  );

const firstModel = async (seed: number, n: number) => {
  const total = n + COMPARED_ROWS;
  const days = Math.ceil(total / PAYMENTS_A_DAY) + 1;
  const { schema, transactions, labels } = coldWorld({ seed, customers: CUSTOMERS, days });
  const asOfMs = transactions[n]!.occurredAtMs;
  const prior = priorModel(schema)!;
  const { candidate, gate } = await trainCandidate(
    {
      schema,
      transactions: transactions.slice(0, n),
      labels: labels.filter(({ knownAtMs }) => knownAtMs <= asOfMs),
      trainFromMs: 0,
      trainToMs: await judgedFrom(transactions.slice(0, n), asOfMs, schema.label!.delayDays),
      asOfMs,
      policy,
      parameters,
      estimators: defaultEstimators(schema),
      version: 'first',
      featuresOf: saveScoringModel(prior),
      champion: { version: prior.version, artifact: saveScoringModel(prior), isPrior: true },
      gate: training.gate,
      rehearsal: training.rehearsal,
    },
    { random: createRandom(seed), backend, now: () => performance.now() },
  );
  const until = transactions[total]!.occurredAtMs;
  const dataset = await buildDataset(prior.featureSet, transactions.slice(0, total), labels, {
    keepFromMs: asOfMs,
    keepToMs: until,
  });
  const frauds = new Set(labels.map(({ transactionId }) => transactionId));
  const isFraud = Uint8Array.from(dataset.transactions, ({ id }) => Number(frauds.has(id)));
  const judge = (model: ScoringModel) => {
    const { scores, alerted } = scoreSlice(model, dataset, asOfMs, policy, () => 0);
    const caught = alerted.filter((alert, i) => alert === 1 && isFraud[i] === 1).length;
    return {
      ap: evaluateScores(isFraud, Float64Array.from(scores)).auprc,
      recall: caught / isFraud.reduce((sum, x) => sum + x, 0),
    };
  };
  return {
    seed,
    rows: n,
    channels: Object.keys(candidate.model.detectors).join(''),
    prior: judge(prior),
    fitted: judge(candidate.model),
    verdict: gate.verdict,
    why: gate.reasons[0]!,
  };
};

const byCustomers: { customers: number; max: number[]; mean: number[] }[] = [];
for (const size of customers) {
  const found = await rates(size);
  const ofDay = (day: number): number[] => found.map((rate) => rate[day]!);
  const each = Array.from({ length: days }, (_, day) => ofDay(day));
  byCustomers.push({ customers: size, max: each.map((values) => Math.max(...values)), mean: each.map(mean) });
}
console.log(`alerts under the prior model, in budgets of ${percent(share)}; ${seeds} seeds from ${first}`);
console.log(
  textTable(
    ['customers', 'day', 'mean', 'largest'],
    byCustomers.flatMap((of) =>
      of.max.map((max, day) => [String(of.customers), String(day + 1), of.mean[day]!.toFixed(2), max.toFixed(2)]),
    ),
  ),
);
const compared: Awaited<ReturnType<typeof firstModel>>[] = [];
for (const n of rows)
  for (const seed of all.slice(0, worlds)) {
    compared.push(await firstModel(seed, n));
    const { why, ...last } = compared.at(-1)!;
    process.stderr.write(`${JSON.stringify(last)} ${why}\n`);
  }
console.log(`a first model of the first rows against the prior, on the ${COMPARED_ROWS} rows after them; ${CUSTOMERS} customers`);
console.log(
  textTable(
    ['rows', 'seed', 'channels', 'frauds caught by the prior', 'by the model', 'AP of the prior', 'of the model', 'gate'],
    compared.map(({ rows: n, seed, channels, prior, fitted, verdict }) => [
      String(n),
      String(seed),
      channels,
      percent(prior.recall),
      percent(fitted.recall),
      prior.ap.toFixed(3),
      fitted.ap.toFixed(3),
      verdict,
    ]),
  ),
);
console.log(JSON.stringify({ seeds, first, budget: share, rates: byCustomers, firstModels: compared }));
