export interface PartitionHealth {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read, as text; null until the stored position was read. */
  readonly position: string | null;
  /** Messages between the position and the end of the log, as of the newest fetch; null before the first one. */
  readonly lag: number | null;
  /** `backing-off`: its handler failed and is tried again; `stopped`: waits for a person, see `error`. */
  readonly state: 'reading' | 'backing-off' | 'stopped';
  readonly error: string | null;
}

export interface ConsumerHealth {
  readonly state: 'starting' | 'joining' | 'reading' | 'paused' | 'restarting' | 'closed';
  readonly group: string;
  readonly partitions: readonly PartitionHealth[];
  /** Sum over partitions whose lag is known. */
  readonly lag: number;
  /** The newest error of any kind, "PositionOutsideLogError: …"; null when there was none since the last success. */
  readonly lastError: string | null;
}

export interface RelayHealth {
  /** `standby`: another instance holds the lease and publishes. */
  readonly state: 'starting' | 'leading' | 'standby' | 'backing-off' | 'closed';
  readonly published: number;
  /** Messages that are committed and not yet on their topic. */
  readonly waiting: number;
  readonly oldestSeconds: number;
  readonly lastError: string | null;
}
