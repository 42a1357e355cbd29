import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Alert } from '../domain/alert.js';
import { MESSAGE_BYTES_MAX } from '../domain/parse-transaction.js';
import type { ScoredTransaction } from '../domain/scored-transaction.js';
import type { FieldProblem } from '../domain/transaction.js';
import type { IncomingRecord } from '../scoring/ports.js';
import { OnlineLine, scoreTransactions } from '../scoring/score-transactions.js';
import type { TransactionDetail, TransactionView } from '../store/query-types.js';
import { ApiSettings } from './api-settings.js';
import { fieldProblem, Problem } from './problem.js';
import { Queries } from '../store/queries.js';
import type { TransactionsBody } from './requests.js';

/** What a caller learns of its transaction; `answers.ts` documents it. */
export interface Decided extends Pick<
  TransactionView,
  'id' | 'outcome' | 'channels' | 'fused' | 'fraudProbability' | 'late' | 'versions'
> {
  /** Decided before, with the same content: this is the first decision. */
  readonly repeat: boolean;
  readonly alert: Alert | null;
}

interface Accepted {
  readonly id: string;
  /** How errors name its id. */
  readonly field: string;
  readonly record: IncomingRecord;
}

/**
 * Transactions by HTTP, through the one online line. Invalid ones are refused here, whole batch and all, before the line
 * sees them; an id that comes again answers its first decision, with other content it is a conflict.
 */
@Injectable()
export class TransactionIntake {
  constructor(
    private readonly line: OnlineLine,
    private readonly queries: Queries,
    private readonly settings: ApiSettings,
  ) {}

  async decide({ single, items }: TransactionsBody): Promise<Decided | { items: Decided[] }> {
    const accepted = this.accept(items, single);
    const records = accepted.map(({ record }) => record);
    const outcome = await scoreTransactions(records, { kind: 'direct', name: 'http' }, this.line);
    if (outcome.result !== 'committed')
      throw new Error(`the online line answered "${outcome.result}" to a source without offsets`);

    const alerts = new Map(outcome.alerts.map((alert) => [alert.transactionId, alert]));
    const decided = new Map(outcome.scored.map((row) => [row.transaction.id, decisionOf(row, alerts)]));
    const repeats = new Set(outcome.repeats.map(({ position }) => position));
    const refused = new Set(outcome.deadLetters.map(({ record }) => record.position));

    const answers: Decided[] = [];
    const conflicts: FieldProblem[] = [];
    for (const { id, field, record } of accepted) {
      if (refused.has(record.position))
        conflicts.push({ field, value: id, expected: 'new, or sent with the same content as before' });
      else answers.push(repeats.has(record.position) ? await this.firstDecision(id) : decided.get(id)!);
    }
    if (conflicts.length > 0) throw conflictProblem(conflicts, answers);
    return single ? answers[0]! : { items: answers };
  }

  /** @throws Problem 422 naming every wrong field of every transaction */
  private accept(items: readonly Record<string, unknown>[], single: boolean): Accepted[] {
    const request = randomUUID();
    const problems: FieldProblem[] = [];
    const accepted: Accepted[] = [];
    for (const [i, item] of items.entries()) {
      const named = (field: string): string => (single ? field || 'body' : `[${i}]${field && `.${field}`}`);
      const bytes = Buffer.from(JSON.stringify(item));
      const parsed = this.line.parser.fromObject(item);
      const found = parsed.ok ? sizeProblems(bytes) : parsed.problems;
      if (parsed.ok && found.length === 0)
        accepted.push({
          id: parsed.transaction.id,
          field: named(this.settings.schema.id),
          record: { bytes, key: null, position: `http/${request}/${i}` },
        });
      else problems.push(...found.map((p) => ({ ...p, field: named(p.field) })));
    }
    if (problems.length > 0) throw fieldProblem(422, problems);
    return accepted;
  }

  private async firstDecision(id: string): Promise<Decided> {
    const stored = await this.queries.transaction(id);
    if (stored === null)
      throw new Problem(410, 'Gone', `transaction ${id} was scored before, and retention has removed what was decided of it`);
    return repeatedDecision(stored);
  }
}

const sizeProblems = (bytes: Buffer): FieldProblem[] => {
  if (bytes.length <= MESSAGE_BYTES_MAX) return [];
  return [{ field: '', value: `${bytes.length} bytes`, expected: `at most ${MESSAGE_BYTES_MAX} bytes as JSON` }];
};

const decisionOf = (row: ScoredTransaction, alerts: ReadonlyMap<string, Alert>): Decided => ({
  id: row.transaction.id,
  repeat: false,
  outcome: row.decision.outcome,
  channels: row.channels,
  fused: row.fused,
  fraudProbability: row.fraudProbability,
  late: row.late,
  versions: row.versions,
  alert: alerts.get(row.transaction.id) ?? null,
});

const repeatedDecision = (stored: TransactionDetail): Decided => ({
  id: stored.id,
  repeat: true,
  outcome: stored.outcome,
  channels: stored.channels,
  fused: stored.fused,
  fraudProbability: stored.fraudProbability,
  late: stored.late,
  versions: stored.versions,
  alert: stored.alert,
});

/** In a batch the other transactions were decided all the same: their decisions come along as `items`. */
const conflictProblem = (conflicts: readonly FieldProblem[], items: readonly Decided[]): Problem =>
  new Problem(
    409,
    'Conflict',
    `${conflicts
      .map((c) => c.value)
      .slice(0, 5)
      .join(', ')}: seen before with other content; the first decision stands`,
    { problems: conflicts, ...(items.length > 0 && { items }) },
  );
