/**
 * False alarms of drift on quiet streams, and days until planted drift is found: customers with habits, weekends, shocks that all
 * share, new customers every day. The method was developed on seeds 1 to 20; the default ones are fresh.
 * Run: npm run bench:drift -- [--first 101] [--seeds 20] [--days 60] [--customers 250] [--growth 0.01]
 */
import { textTable } from '../src/cli/command-io.js';
import type { DriftChange } from '../test/support/drift-stream.js';
import { reportsOf, watchedStream } from '../test/support/drift-days.js';
import { readOptions } from './options.js';

const { first, seeds, days, customers, growth } = readOptions({
  numbers: {
    first: [101, 0, 1e9],
    seeds: [20, 1, 1000],
    days: [60, 8, 365],
    customers: [250, 20, 100_000],
    growth: [0.01, 0, 0.2],
  },
});
const all = Array.from({ length: seeds }, (_, i) => first + i);
/** Of planted drift. */
const FEW = all.slice(0, 5);

const planted: readonly {
  name: string;
  days: number;
  kind: string;
  field: string;
  change: (day: number) => Partial<DriftChange>;
}[] = [
  {
    name: 'amounts rise by 1 % a day',
    days: 40,
    kind: 'distribution',
    field: 'amount',
    change: (day) => ({ amountFactor: 1.01 ** day }),
  },
  { name: 'amounts jump by 30 %', days: 14, kind: 'distribution', field: 'amount', change: () => ({ amountFactor: 1.3 }) },
  {
    name: 'a new level in 5 % of the rows',
    days: 14,
    kind: 'new-levels',
    field: 'country',
    change: () => ({ newCountry: 0.05 }),
  },
  { name: 'a field is lost', days: 7, kind: 'missing', field: 'distance', change: () => ({ lostDistance: 1 }) },
  {
    name: 'a field is lost in a tenth of the rows',
    days: 14,
    kind: 'missing',
    field: 'distance',
    change: () => ({ lostDistance: 0.1 }),
  },
];

/** Kinds of alarms of a quiet stream, and on how many of its days there was one. */
const quiet = (seed: number) => {
  const reports = reportsOf(watchedStream({ seed, days, customers, growth }));
  const kinds = new Set(reports.flatMap(({ alarms }) => alarms.map(({ kind, field }) => `${kind}/${field}`)));
  return {
    seed,
    judged: reports.filter(({ window }) => window).length,
    alarmDays: reports.filter((r) => r.alarms.length > 0).length,
    kinds: [...kinds],
  };
};

/** Day of the first alarm of the planted kind, from 1; null: not found. */
const daysUntil = (seed: number, { kind, field, change, days: given }: (typeof planted)[number]): number | null => {
  const reports = reportsOf(watchedStream({ seed, days: given, customers, growth, change }));
  const at = reports.findIndex(({ alarms }) => alarms.some((alarm) => alarm.kind === kind && alarm.field === field));
  return at < 0 ? null : at + 1;
};

const streams = all.map(quiet);
console.log(
  `${seeds} quiet streams of ${days} days, ${customers} customers, ${100 * growth} % of them new every day; seeds from ${first}`,
);
console.log(
  textTable(
    ['seed', 'days judged', 'days with an alarm', 'alarms'],
    streams.map(({ seed, judged, alarmDays, kinds }) => [
      String(seed),
      String(judged),
      String(alarmDays),
      kinds.join(', ') || '-',
    ]),
  ),
);
const found = planted.map((one) => ({ name: one.name, days: FEW.map((seed) => daysUntil(seed, one)) }));
console.log(
  textTable(
    ['planted drift', `days until it is told, ${FEW.length} streams`],
    found.map(({ name, days: until }) => [name, until.map((day) => day ?? 'never').join(', ')]),
  ),
);
console.log(
  JSON.stringify({
    streams: seeds,
    days,
    customers,
    growth,
    daysJudged: streams.reduce((sum, { judged }) => sum + judged, 0),
    alarms: streams.reduce((sum, { kinds }) => sum + kinds.length, 0),
    streamsWithAlarms: streams.filter(({ kinds }) => kinds.length > 0).length,
    planted: found,
  }),
);
