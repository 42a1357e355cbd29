import { hash } from 'node:crypto';
import type { Alert } from '../domain/alert.js';
import type { EvidenceWanted } from '../domain/evidence-columns.js';
import type { TransactionParser } from '../domain/parse-transaction.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { problemSentence, type Transaction } from '../domain/transaction.js';
import { labelDelayMs } from '../features/plan.js';
import type { BatchKeys, DeadLetter, IncomingRecord, Repeat, Scorer, ScoringNeeds, ScoringStore, Source } from './ports.js';

/** What the online line works with: how to read a record, what is remembered, and who scores. */
export class OnlineLine {
  constructor(
    readonly schema: TransactionSchema,
    readonly parser: TransactionParser,
    readonly store: ScoringStore,
    readonly scorer: Scorer,
  ) {}
}

export type LineOutcome =
  | {
      readonly result: 'committed';
      readonly scored: readonly ScoredTransaction[];
      readonly alerts: readonly Alert[];
      readonly repeats: readonly Repeat[];
      readonly deadLetters: readonly DeadLetter[];
    }
  /** Another consumer committed this partition: read the stored position, seek, drop the batch. */
  | { readonly result: 'offset-moved' };

/** Other writers changed the same entities in every attempt; the batch was not committed and may be tried again. */
export class ContentionError extends Error {
  override readonly name = 'ContentionError';
}

const ATTEMPTS_MAX = 20;

/**
 * The online line, top to bottom: Kafka, HTTP, files, the demo and backtests all go through here.
 *
 * Every record ends as exactly one of scored, repeat or dead letter, in one commit with the states, evidence, offset
 * and alerts it caused. Another writer's change is met by reading again and computing the batch again.
 *
 * @throws ContentionError after 20 attempts
 */
export const scoreTransactions = async (
  records: readonly IncomingRecord[],
  source: Source,
  line: OnlineLine,
): Promise<LineOutcome> => {
  const { candidates, unreadable } = parseRecords(records, line.parser);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const { work, result } = await line.scorer.score((needs) => readBatch(candidates, line, needs));
    const { featureSet, fresh, repeats, conflicting } = work;
    // The champion changed between reading and scoring: what was read belongs to another feature set.
    if (result.featureSet !== featureSet) continue;
    const deadLetters = [...unreadable, ...conflicting];
    const committed = await line.store.commit({
      source,
      featureSet: result.featureSet,
      rows: result.rows.map((row, i) => ({ ...row, contentHash: fresh[i]!.contentHash })),
      states: result.states,
      evidence: result.evidence,
      alerts: result.alerts,
      deadLetters,
      repeats,
      ...(result.shadows && { shadows: result.shadows }),
    });
    if (committed === 'offset-moved') return { result: 'offset-moved' };
    if (committed === 'committed')
      return { result: 'committed', scored: result.rows.map((row) => row.scored), alerts: result.alerts, repeats, deadLetters };
  }
  throw new ContentionError(
    `${records.length} records from ${records[0]?.position ?? 'nowhere'} met other writers in ${ATTEMPTS_MAX} attempts`,
  );
};

interface Candidate {
  readonly record: IncomingRecord;
  readonly transaction: Transaction;
  readonly contentHash: string;
}

const parseRecords = (records: readonly IncomingRecord[], parser: TransactionParser) => {
  const candidates: Candidate[] = [];
  const unreadable: DeadLetter[] = [];
  for (const record of records) {
    const parsed = parser.fromBytes(record.bytes);
    if (parsed.ok)
      candidates.push({ record, transaction: parsed.transaction, contentHash: contentHash(parser, parsed.transaction) });
    else unreadable.push({ record, reason: problemSentence(parsed.problems) });
  }
  return { candidates, unreadable };
};

const contentHash = (parser: TransactionParser, transaction: Transaction): string =>
  hash('sha256', parser.canonical(transaction), 'hex');

/** What is remembered of a batch, and which of its records are new. */
const readBatch = async (candidates: readonly Candidate[], { store, schema }: OnlineLine, needs: ScoringNeeds) => {
  const { known, states, evidence } = await store.read(keysOf(candidates, schema, needs));
  const { fresh, repeats, conflicting } = separateRepeats(candidates, known);
  const transactions = fresh.map((candidate) => candidate.transaction);
  return { featureSet: needs.featureSet, fresh, repeats, conflicting, transactions, states, evidence };
};

/** Many labels come a little later than their delay. */
const SETTLING_MS = 6 * 3_600_000;

const keysOf = (candidates: readonly Candidate[], schema: TransactionSchema, needs: ScoringNeeds): BatchKeys => {
  const times = Float64Array.from(candidates, ({ transaction }) => transaction.occurredAtMs).sort();
  const [earliest = Infinity, latest = -Infinity] = [times[0], times.at(-1)];
  // A wrong time is not the middle one of a batch.
  const middle = times[times.length >> 1] ?? -Infinity;
  const delayMs = labelDelayMs(schema);
  const entities = candidates.length === 0 ? [] : schema.entities;
  return {
    featureSet: needs.featureSet,
    transactionIds: [...new Set(candidates.map((c) => c.transaction.id))],
    primaryIds: entities.length > 0 ? [...new Set(candidates.map((c) => c.transaction.entities[0]!))] : [],
    evidence: needs.lookBackMs === 0 ? [] : evidenceWanted(candidates, entities, needs),
    // Younger cells are of rows whose labels are still to come: no feature reads them.
    evidenceToMs: latest - delayMs + 1,
    // What is written now is of these times, what labels change is of the delay before.
    settledBeforeMs: Math.min(earliest, middle - delayMs) - SETTLING_MS,
  };
};

/** Each secondary entity looks back from its own first row of the batch: a late event of one is no reason to read more of all. */
const evidenceWanted = (
  candidates: readonly Candidate[],
  entities: TransactionSchema['entities'],
  needs: ScoringNeeds,
): EvidenceWanted[] =>
  entities.slice(1).flatMap(({ name: entityType, bucketSeconds }, i) => {
    const earliest = new Map<string, number>();
    for (const { transaction } of candidates) {
      const id = transaction.entities[i + 1]!;
      const ms = earliest.get(id);
      if (ms === undefined || transaction.occurredAtMs < ms) earliest.set(id, transaction.occurredAtMs);
    }
    const widthMs = 1000 * bucketSeconds;
    return Array.from(earliest, ([entityId, ms]) => {
      const fromMs = Math.floor(ms / widthMs) * widthMs - needs.lookBackMs;
      return { entityType, entityId, fromMs, kept: needs.kept(entityType, entityId, fromMs) };
    });
  });

/** A repeat has an id that was seen with the same content, in the store or earlier in this batch; with other content it is a dead letter. */
const separateRepeats = (candidates: readonly Candidate[], known: ReadonlyMap<string, string>) => {
  const seen = new Map(known);
  const fresh: Candidate[] = [];
  const repeats: Repeat[] = [];
  const conflicting: DeadLetter[] = [];
  for (const candidate of candidates) {
    const { id } = candidate.transaction;
    const before = seen.get(id);
    if (before === undefined) {
      seen.set(id, candidate.contentHash);
      fresh.push(candidate);
    } else if (before === candidate.contentHash) repeats.push({ transactionId: id, position: candidate.record.position });
    else conflicting.push({ record: candidate.record, reason: `id: ${id} is not new: it was seen before with other content` });
  }
  return { fresh, repeats, conflicting };
};
