/**
 * What may differ between two runs of the same records, by name, with the reason. Everything else in the catalog, new
 * tables and columns included, has to be equal. docs/faults.md repeats this list; a spec compares the two.
 */
export const EXCEPTED_TABLES: Readonly<Record<string, string>> = {
  leases: 'who leads at the moment, and until when',
  evidence_frontier: 'how far cells are frozen follows the batches, and where a batch ends depends on when it was fetched',
  evidence_revisions: 'counts the changes of frozen cells, so it follows the frontier',
  drift_days: 'a closed day is looked at when its leader comes to it, which scores nothing',
  drift_matured_days: 'follows drift_days',
  drift_reports: 'follows drift_days',
  drift_states: 'follows drift_days',
};

/** `table.column`, or `*.column` of every table that has it. */
export const EXCEPTED_COLUMNS: Readonly<Record<string, string>> = {
  '*.committed_at': 'clock of the commit',
  '*.created_at': 'clock of the commit',
  '*.received_at': 'clock of the commit',
  '*.last_seen_at': 'clock of the commit',
  '*.published_at': 'clock of the publication; that there is one is checked',
  'alerts.sequence': 'numbers of a sequence, which leaves gaps at a rollback and interleaves partitions',
  'outbox.id': 'numbers of a sequence; the order of one entity is checked on the topic',
  'outbox.dead_letter_id': 'refers to dead_letters.id',
  'dead_letters.id': 'numbers of a sequence',
  'labels.id': 'numbers of a sequence',
  'entity_states.version': 'counts the commits that changed the state, and where a batch ends depends on when it was fetched',
};

/** Rows that are spread over several for speed: added up over the column on the left. */
export const SUMMED: Readonly<Record<string, { readonly over: string; readonly columns: readonly string[] }>> = {
  day_counts: { over: 'shard', columns: ['transactions', 'decided', 'alerts'] },
};
