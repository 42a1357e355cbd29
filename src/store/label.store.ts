import { type DataSource, type EntityManager, In } from 'typeorm';
import type { Label } from '../domain/label.js';
import type { TransactionSchema } from '../domain/transaction-schema.js';
import { type LabelDates, LabelSink } from '../scoring/ports.js';
import { CellSums, cellKeys } from './evidence-keys.js';
import { holdLabels } from './locks.js';
import { storableText } from './row-json.js';
import { addKnownFrauds } from './sql/add-known-frauds.sql.js';
import { insertLabels } from './sql/insert-labels.sql.js';
import { latestLabels } from './sql/latest-labels.sql.js';
import { readLabelled } from './sql/read-labelled.sql.js';
import { type LabelRow, Labels, TransactionIds } from './tables.js';

/** Labels of one database transaction; more are appended in parts. */
const CHUNK = 5_000;

export interface AppendedLabels {
  /** New rows, those of unknown transactions included. */
  readonly stored: number;
  readonly unknown: number;
  readonly unchanged: number;
}

/** Labels with a time of their own, known before their transaction happened. */
export class EarlyLabelsError extends Error {
  override readonly name = 'EarlyLabelsError';

  /** @param early positions of the labels, and when their transactions happened */
  constructor(readonly early: readonly { readonly position: number; readonly occurredAtMs: number }[]) {
    super(`${early.length} labels are known before their transaction happened`);
  }
}

interface LabelledRow {
  readonly id: string;
  readonly at: Date;
  readonly entities: readonly string[];
  readonly bin: number;
}

interface Sent {
  readonly label: Label;
  readonly undated: boolean;
}

/** Append-only truth, and its effect: the fraud counts of the evidence cells. */
export class LabelStore extends LabelSink {
  constructor(
    private readonly dataSource: DataSource,
    private readonly schema: TransactionSchema,
  ) {
    super();
  }

  /** @throws EarlyLabelsError with `dates` only; nothing was stored */
  override async append(labels: readonly Label[], dates?: LabelDates): Promise<AppendedLabels> {
    const sent = labels.map((label, i) => ({ label: storable(label), undated: dates?.undated.has(i) ?? false }));
    if (dates) await this.#refuseEarly(sent);
    const sum = { stored: 0, unknown: 0, unchanged: 0 };
    for (let at = 0; at < sent.length; at += CHUNK) {
      const part = sent.slice(at, at + CHUNK);
      const added = await this.dataSource.transaction((manager) => this.#append(manager, part));
      sum.stored += added.stored;
      sum.unknown += added.unknown;
      sum.unchanged += added.unchanged;
    }
    return sum;
  }

  /** What was known of these transactions at a time: by transaction id, in rising `knownAtMs`. */
  asOf(transactionIds: readonly string[], knownAtMs: number): Promise<ReadonlyMap<string, readonly Label[]>> {
    return labelsOf(this.dataSource, transactionIds, knownAtMs);
  }

  /** Outside the transaction that stores: the time of a transaction never changes. */
  async #refuseEarly(sent: readonly Sent[]): Promise<void> {
    const ids = [...new Set(sent.filter(({ undated }) => !undated).map(({ label }) => label.transactionId))];
    if (ids.length === 0) return;
    const rows = await this.dataSource
      .getRepository(TransactionIds)
      .find({ select: { id: true, occurredAt: true }, where: { id: In(ids) } });
    const times = new Map(rows.map(({ id, occurredAt }) => [id, occurredAt.getTime()]));
    const early = sent.flatMap(({ label, undated }, position) => {
      const occurredAtMs = times.get(label.transactionId);
      return undated || occurredAtMs === undefined || label.knownAtMs >= occurredAtMs ? [] : [{ position, occurredAtMs }];
    });
    if (early.length > 0) throw new EarlyLabelsError(early);
  }

  async #append(manager: EntityManager, sent: readonly Sent[]): Promise<AppendedLabels> {
    await holdLabels(manager);
    const labels = await news(manager, sent);
    const ids = [...new Set(labels.map(({ transactionId }) => transactionId))];
    const before = await frauds(manager, ids);
    const json = labels.map((l) => ({
      id: l.transactionId,
      fraud: l.isFraud,
      type: l.type,
      source: l.source,
      at: l.knownAtMs,
    }));
    const inserted = await manager.query<{ ordinal: number }[]>(insertLabels, [JSON.stringify(json)]);
    const after = await frauds(manager, ids);
    const known = await manager.query<LabelledRow[]>(readLabelled, [ids]);
    const sums = new CellSums();
    for (const { id, entities, at, bin } of known) {
      const change = Number(after.has(id)) - Number(before.has(id));
      const owner = { entities, occurredAtMs: at.getTime(), amountBin: bin };
      for (const key of cellKeys(this.schema, owner)) sums.add(key, 0, change);
    }
    const cells = sums.cells();
    if (cells.length > 0) await manager.query(addKnownFrauds, [JSON.stringify(cells)]);
    const knownIds = new Set(known.map(({ id }) => id));
    return {
      stored: inserted.length,
      unknown: inserted.filter(({ ordinal }) => !knownIds.has(labels[ordinal - 1]!.transactionId)).length,
      unchanged: sent.length - inserted.length,
    };
  }
}

const storable = (label: Label): Label => ({
  ...label,
  transactionId: storableText(label.transactionId),
  type: label.type === null ? null : storableText(label.type),
  source: storableText(label.source),
});

/** Without those that have no time of their own and say what their source said last. */
const news = async (manager: EntityManager, sent: readonly Sent[]): Promise<Label[]> => {
  const undated = sent.filter((one) => one.undated).map(({ label }) => label.transactionId);
  const stored = undated.length > 0 ? await labelsOf(manager, undated) : new Map<string, Label[]>();
  const isKnown = (label: Label): boolean => {
    const last = stored.get(label.transactionId)?.findLast(({ source }) => source === label.source);
    return last !== undefined && last.isFraud === label.isFraud && last.type === label.type;
  };
  return sent.filter((one) => !(one.undated && isKnown(one.label))).map(({ label }) => label);
};

const frauds = async (manager: EntityManager, ids: readonly string[]): Promise<Set<string>> => {
  const rows = await manager.query<{ id: string; fraud: boolean }[]>(latestLabels, [ids]);
  return new Set(rows.filter(({ fraud }) => fraud).map(({ id }) => id));
};

/** @param knownAtMs absent: everything that is known */
export const labelsOf = async (
  dataSource: Pick<EntityManager, 'getRepository'>,
  transactionIds: readonly string[],
  knownAtMs?: number,
): Promise<Map<string, Label[]>> => {
  const query = dataSource
    .getRepository(Labels)
    .createQueryBuilder('label')
    .where('label.transactionId = ANY (:ids)', { ids: transactionIds })
    .orderBy({ 'label.knownAt': 'ASC', 'label.id': 'ASC' });
  if (knownAtMs !== undefined) query.andWhere('label.knownAt <= :knownAt', { knownAt: new Date(knownAtMs) });
  const byId = new Map<string, Label[]>();
  for (const row of await query.getMany()) {
    const known = byId.get(row.transactionId);
    if (known) known.push(labelOf(row));
    else byId.set(row.transactionId, [labelOf(row)]);
  }
  return byId;
};

const labelOf = (row: LabelRow): Label => ({
  transactionId: row.transactionId,
  isFraud: row.isFraud,
  type: row.type,
  source: row.source,
  knownAtMs: row.knownAt.getTime(),
});
