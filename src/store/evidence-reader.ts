import type { DataSource } from 'typeorm';
import { EvidenceColumns } from '../domain/evidence-columns.js';
import type { BatchKeys } from '../scoring/ports.js';
import { holdLabels } from './locks.js';
import { unpackCells } from './packed-cells.js';
import { moveFrontier } from './sql/move-frontier.sql.js';
import { readEvidence } from './sql/read-evidence.sql.js';

/** The frontier follows the batches in steps: each one waits for the commits that are under way. */
const FRONTIER_STEP_MS = 12 * 3_600_000;
/** No revision of an entity. */
const NOTHING_KEPT = -1;

/** Reads evidence cells, only those that the scorer has not, and freezes old ones so that it may keep them. */
export class EvidenceReader {
  /** As last seen. */
  #frozenBeforeMs = -Infinity;

  constructor(private readonly dataSource: DataSource) {}

  async read({ evidence, evidenceToMs, settledBeforeMs }: BatchKeys): Promise<EvidenceColumns> {
    if (evidence.length === 0) return EvidenceColumns.of([]);
    if (settledBeforeMs - FRONTIER_STEP_MS > this.#frozenBeforeMs) await this.#freezeBefore(settledBeforeMs);
    const rows = await this.dataSource.query<{ cells: Buffer | null; revision: string; frozen_before: number }[]>(readEvidence, [
      evidence.map(({ entityType }) => entityType),
      evidence.map(({ entityId }) => entityId),
      evidence.map(({ fromMs }) => fromMs),
      evidence.map(({ kept, fromMs }) => kept?.untilMs ?? fromMs),
      evidence.map(({ kept }) => kept?.revision ?? NOTHING_KEPT),
      evidenceToMs,
    ]);
    const frozenBeforeMs = rows[0]!.frozen_before;
    this.#frozenBeforeMs = frozenBeforeMs;
    const runs = rows.map(({ cells, revision }, i) => {
      const { entityType, entityId, kept } = evidence[i]!;
      return { entityType, entityId, revision: Number(revision), isWhole: kept?.revision !== Number(revision), cells };
    });
    return unpackCells(runs, Math.min(frozenBeforeMs, evidenceToMs));
  }

  /** Once by this process, whatever comes of it: another may have been first, and the next read sees what is true. */
  async #freezeBefore(ms: number): Promise<void> {
    this.#frozenBeforeMs = ms;
    await this.dataSource.transaction(async (manager) => {
      await holdLabels(manager);
      await manager.query(moveFrontier, [ms]);
    });
  }
}
