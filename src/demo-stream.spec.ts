import { PlainScorer } from '../test/support/plain-scorer.js';
import { loadSchema } from './config.js';
import { DemoStream } from './demo-stream.js';
import { EvidenceColumns } from './domain/evidence-columns.js';
import { transactionParser } from './domain/parse-transaction.js';
import type { Label } from './domain/label.js';
import { DAY_MS } from './domain/time.js';
import {
  LabelSink,
  ScoringStore,
  type BatchCommit,
  type CommitResult,
  type ScoringResult,
  type ScoringWork,
} from './scoring/ports.js';
import { OnlineLine } from './scoring/score-transactions.js';
import { createWorld } from './synthetic/world.js';

const startMs = Date.UTC(2026, 0, 1);
const world = createWorld({ seed: 9, customers: 40, merchants: 30, startMs });
const schema = loadSchema('demo');

/** What arrived, in order: "t id" for a transaction, "l id" for a label. */
class Journal extends ScoringStore {
  readonly entries: string[] = [];
  readonly positions: [bigint, bigint][] = [];
  override read() {
    return Promise.resolve({ known: new Map<string, string>(), states: [], evidence: EvidenceColumns.of([]) });
  }
  override commit({ source }: BatchCommit): Promise<CommitResult> {
    if (source.kind === 'direct' && source.position) this.positions.push([source.position.from, source.position.next]);
    return Promise.resolve('committed');
  }
}

class JournalScorer extends PlainScorer {
  override readonly featureSet = 'x';
  constructor(private readonly journal: Journal) {
    super();
  }
  protected override resultOf({ transactions }: ScoringWork): ScoringResult {
    for (const { id } of transactions) this.journal.entries.push(`t ${id}`);
    return { featureSet: 'x', rows: [], states: [], evidence: [], alerts: [] };
  }
}

class JournalLabels extends LabelSink {
  constructor(private readonly journal: Journal) {
    super();
  }
  override append(labels: readonly Label[]) {
    for (const label of labels) this.journal.entries.push(`l ${label.transactionId}`);
    return Promise.resolve({ stored: labels.length, unknown: 0, unchanged: 0 });
  }
}

const streamOf = (journal: Journal, next = 0n, labelsUntilMs = startMs): DemoStream => {
  const line = new OnlineLine(schema, transactionParser(schema), journal, new JournalScorer(journal));
  return new DemoStream({ world, startMs }, line, new JournalLabels(journal), { next, labelsUntilMs });
};

/** All that happened in the first days, sorted by time: the plainest way to say what the stream must send. */
const expected = (days: number): string[] => {
  const endMs = startMs + days * DAY_MS;
  const events: { atMs: number; isLabel: boolean; text: string }[] = [];
  for (let day = 0; day < days; day += 1) {
    const { transactions, truth } = world.day(day);
    for (const t of transactions) events.push({ atMs: Date.parse(t.occurred_at), isLabel: false, text: `t ${t.id}` });
    for (const t of truth)
      if (t.isFraud && t.knownAtMs <= endMs) events.push({ atMs: t.knownAtMs, isLabel: true, text: `l ${t.transactionId}` });
  }
  return events.sort((a, b) => a.atMs - b.atMs || Number(b.isLabel) - Number(a.isLabel)).map((event) => event.text);
};

test('sends transactions and labels in the order in which they happened', async () => {
  const journal = new Journal();
  await streamOf(journal).advanceTo(startMs + 14 * DAY_MS, 100, () => undefined);
  expect(journal.entries.filter((entry) => entry.startsWith('l')).length).toBeGreaterThan(3);
  expect(journal.entries).toEqual(expected(14));
});

test('small steps send the same as one large step, and positions join without a gap', async () => {
  const [large, small] = [new Journal(), new Journal()];
  await streamOf(large).advanceTo(startMs + 9 * DAY_MS, 1000, () => undefined);
  const stream = streamOf(small);
  for (let atMs = startMs; atMs <= startMs + 9 * DAY_MS; atMs += DAY_MS / 7) await stream.advanceTo(atMs, 13, () => undefined);
  await stream.advanceTo(startMs + 9 * DAY_MS, 13, () => undefined);
  expect(small.entries).toEqual(large.entries);
  small.positions.slice(1).forEach(([from], i) => expect(from).toBe(small.positions[i]![1]));
});

test('a restart from the stored position loses and repeats nothing', async () => {
  const whole = new Journal();
  await streamOf(whole).advanceTo(startMs + 12 * DAY_MS, 50, () => undefined);
  const first = new Journal();
  const before = streamOf(first);
  await before.advanceTo(startMs + 6.37 * DAY_MS, 50, () => undefined);
  const second = new Journal();
  const after = streamOf(second, first.positions.at(-1)![1], before.labelsUntilMs);
  expect(after.nextOccurredAtMs).toBeGreaterThan(startMs + 6.37 * DAY_MS);
  await after.advanceTo(startMs + 12 * DAY_MS, 50, () => undefined);
  expect([...first.entries, ...second.entries]).toEqual(whole.entries);
});
