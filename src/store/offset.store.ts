import type { DataSource } from 'typeorm';
import { OffsetStore, type PartitionOfGroup, type StoredPosition } from '../scoring/ports.js';
import { moveOffset } from './sql/move-offset.sql.js';
import { ConsumerOffsets, SourcePositions } from './tables.js';

export class PostgresOffsetStore extends OffsetStore {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  override async open({ group, topic, partition }: PartitionOfGroup, initial: bigint): Promise<bigint> {
    // The update that changes nothing makes the row come back whether it is new or not.
    const [row] = await this.dataSource.query<{ next_offset: string }[]>(
      `INSERT INTO consumer_offsets AS stored (consumer_group, topic, partition, next_offset) VALUES ($1, $2, $3, $4)
       ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = stored.next_offset
       RETURNING next_offset`,
      [group, topic, partition, initial.toString()],
    );
    return BigInt(row!.next_offset);
  }

  override async advance({ group, topic, partition }: PartitionOfGroup, from: bigint, next: bigint): Promise<boolean> {
    const key = [group, topic, partition, from.toString(), next.toString(), null];
    return (await this.dataSource.query<unknown[]>(moveOffset, key)).length === 1;
  }

  override async positions(group: string, topic: string): Promise<readonly StoredPosition[]> {
    const rows = await this.dataSource.getRepository(ConsumerOffsets).findBy({ group, topic });
    return rows.map(({ partition, nextOffset, maxEventTime }) => ({
      partition,
      next: BigInt(nextOffset),
      maxEventMs: maxEventTime?.getTime() ?? null,
    }));
  }

  /** Where a `direct` source with positions goes on; 0 before its first commit. */
  async sourcePosition(name: string): Promise<bigint> {
    const row = await this.dataSource.getRepository(SourcePositions).findOneBy({ name });
    return BigInt(row?.nextPosition ?? 0);
  }
}
