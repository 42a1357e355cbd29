import type { FeatureSet } from './catalog.js';
import { EvidenceCells } from './evidence.js';
import { AMOUNT_BINS } from './markov-filter.js';
import { PrimaryState } from './primary-state.js';

export interface StateBytes {
  readonly entityId: string;
  readonly bytes: Uint8Array;
}

export interface EvidenceCount {
  readonly entityType: string;
  readonly entityId: string;
  /** Start of the bucket, UTC epoch milliseconds. */
  readonly bucketMs: number;
  readonly bin: number;
  readonly n: number;
  readonly nFraud: number;
}

/** What a label needs of its transaction to find its cells. `entities` in schema order, the primary one included. */
export interface LabelledRow {
  readonly entities: readonly string[];
  readonly occurredAtMs: number;
  readonly amountBin: number;
}

/** Everything remembered, in memory, for one batch or a whole history. */
export class Activity {
  private readonly primary = new Map<string, PrimaryState>();
  /** One map per secondary entity, in the plan's order. */
  private readonly evidence: readonly Map<string, EvidenceCells>[];

  constructor(readonly featureSet: FeatureSet) {
    this.evidence = featureSet.plan.secondary.map(() => new Map<string, EvidenceCells>());
  }

  /** A stored state, before any transaction of its entity is computed; no bytes: it has none yet. @throws Error on damaged bytes */
  addState(entityId: string, bytes: Uint8Array): void {
    if (bytes.length > 0) this.primary.set(entityId, PrimaryState.decode(bytes));
  }

  /** What is known of a secondary entity, before any transaction of it is computed. Types that the schema does not name are left alone. */
  useEvidence(entityType: string, entityId: string, cells: EvidenceCells): void {
    const type = this.featureSet.plan.secondary.findIndex((entity) => entity.name === entityType);
    if (type >= 0) this.evidence[type]!.set(entityId, cells);
  }

  /**
   * A fraud label became known (+1) or was withdrawn (-1). Features read only cells older than the label delay, so a label
   * that is known exactly after the delay may be applied at any time between its transaction and then.
   */
  applyLabel(row: LabelledRow, isFraudDelta: 1 | -1): void {
    if (row.amountBin >= AMOUNT_BINS) return;
    const { secondary } = this.featureSet.plan;
    for (let type = 0; type < secondary.length; type += 1) {
      const { index, bucketMs } = secondary[type]!;
      const cells = this.cellsOf(type, row.entities[index]!);
      cells.add(bucketStart(row.occurredAtMs, bucketMs), row.amountBin, 0, isFraudDelta);
    }
  }

  /** States of primary entities that learned something since they were added; any order. */
  states(): StateBytes[] {
    const changed: StateBytes[] = [];
    for (const [entityId, state] of this.primary) if (state.isChanged) changed.push({ entityId, bytes: state.encode() });
    return changed;
  }

  /** Cells to add to what is stored, sorted by type, id, bucket and bin: the order in which writers lock. */
  evidenceDeltas(): EvidenceCount[] {
    const deltas: EvidenceCount[] = [];
    this.featureSet.plan.secondary.forEach(({ name }, type) => {
      for (const [entityId, cells] of this.evidence[type]!)
        for (let i = cells.firstAdded; i < cells.length; i += 1) {
          const n = cells.addedN[i]!;
          const nFraud = cells.addedFraud[i]!;
          if (n !== 0 || nFraud !== 0)
            deltas.push({ entityType: name, entityId, bucketMs: cells.buckets[i]!, bin: cells.bins[i]!, n, nFraud });
        }
    });
    return deltas.sort(byKey);
  }

  /** @internal State of a primary entity, made when there is none. */
  stateOf(entityId: string): PrimaryState {
    let state = this.primary.get(entityId);
    if (state === undefined) {
      state = new PrimaryState();
      this.primary.set(entityId, state);
    }
    return state;
  }

  /** @internal Cells of a secondary entity, if there are any. */
  findCells(type: number, entityId: string): EvidenceCells | undefined {
    return this.evidence[type]!.get(entityId);
  }

  /** @internal Cells of a secondary entity, made when there are none. */
  cellsOf(type: number, entityId: string): EvidenceCells {
    const ofType = this.evidence[type]!;
    let cells = ofType.get(entityId);
    if (cells === undefined) {
      cells = new EvidenceCells();
      ofType.set(entityId, cells);
    }
    return cells;
  }
}

export const bucketStart = (ms: number, bucketMs: number): number => ms - (ms % bucketMs);

/** By code unit, not by locale: the same everywhere. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byKey = (a: EvidenceCount, b: EvidenceCount): number =>
  byText(a.entityType, b.entityType) || byText(a.entityId, b.entityId) || a.bucketMs - b.bucketMs || a.bin - b.bin;
