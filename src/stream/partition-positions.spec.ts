import { beforeEach, describe, expect, it } from '@jest/globals';
import { OffsetStore } from '../scoring/ports.js';
import { type LogRange, PartitionPositions, PositionOutsideLogError } from './partition-positions.js';

class OneOffset extends OffsetStore {
  stored: bigint | null = null;
  reads = 0;

  override open(_partition: unknown, initial: bigint): Promise<bigint> {
    this.reads += 1;
    this.stored ??= initial;
    return Promise.resolve(this.stored);
  }

  override advance(): Promise<boolean> {
    throw new Error('positions are never written here');
  }

  override positions(): Promise<never> {
    throw new Error('only one is read here');
  }
}

describe('PartitionPositions', () => {
  let offsets: OneOffset;
  let range: LogRange;
  let positions: PartitionPositions;
  beforeEach(() => {
    offsets = new OneOffset();
    range = { low: 3n, high: 100n };
    positions = new PartitionPositions('g', offsets, () => Promise.resolve(range));
  });

  it('starts a partition without a position at the beginning of its log', async () => {
    expect((await positions.place('t', 0)).position).toBe(3n);
    expect(offsets.stored).toBe(3n);
  });

  it('seeks when the first fetch is elsewhere, ahead or behind, and reads the store once per assignment', async () => {
    offsets.stored = 50n;
    expect(await positions.compare('t', 0, 80n)).toMatchObject({ action: 'seek', place: { position: 50n } });
    expect(await positions.compare('t', 0, 50n)).toMatchObject({ action: 'read' });
    expect(await positions.compare('t', 0, 20n)).toMatchObject({ action: 'seek' });
    expect(offsets.reads).toBe(1);
    offsets.stored = 60n;
    positions.forgetAll();
    expect(await positions.compare('t', 0, 50n)).toMatchObject({ action: 'seek', place: { position: 60n } });
    expect(offsets.reads).toBe(2);
  });

  it('reads on over a gap that kafkajs filtered out, once it follows the position', async () => {
    offsets.stored = 50n;
    await positions.compare('t', 0, 50n);
    expect(await positions.compare('t', 0, 53n)).toMatchObject({ action: 'read', place: { position: 50n } });
  });

  it('names a position that left the log, at the start and when kafkajs went back by itself', async () => {
    offsets.stored = 50n;
    await positions.compare('t', 0, 50n);
    range = { low: 70n, high: 100n };
    await expect(positions.compare('t', 0, 70n)).rejects.toThrow(PositionOutsideLogError);
    positions.forgetAll();
    await expect(positions.place('t', 0)).rejects.toThrow(/stored position 50 of t\/0 is outside its log, which holds 70 to 100/);
    offsets.stored = 101n;
    await expect(positions.place('t', 0)).rejects.toThrow(PositionOutsideLogError);
    expect(offsets.stored).toBe(101n);
    offsets.stored = 100n;
    expect((await positions.place('t', 0)).position).toBe(100n);
  });

  it('reads again after a fence that did not hold', async () => {
    offsets.stored = 50n;
    await positions.compare('t', 0, 50n);
    offsets.stored = 90n;
    expect((await positions.moved('t', 0)).position).toBe(90n);
  });
});
