import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { PlantedBug } from '../faults/planted-bugs.js';
import { protocolProperty } from '../support/protocol/machine.js';
import { PostgresLedger } from '../support/protocol/postgres-ledger.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

/** The state machine of test/contract/offset-outbox-protocol.spec.ts on the stores of the service. */
describe('the protocol of offset and outbox, on PostgreSQL', () => {
  let postgres: TestPostgres;
  let dataSource: DataSource;
  let current: PostgresLedger;
  let uproot = (): void => undefined;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    postgres = await startTestPostgres();
    dataSource = await postgres.createDataSource();
  });
  afterEach(() => uproot());
  afterAll(() => postgres?.stop());

  const property = (bug: PlantedBug) => {
    uproot = PostgresLedger.plant(bug, () => current);
    return protocolProperty(async () => (current = await PostgresLedger.create(dataSource)));
  };

  it('loses nothing and doubles nothing, whoever is killed, sleeps or is overtaken', async () => {
    await fc.assert(property('none'), { numRuns: 60, seed: 1 });
  });

  it.each(['offset-first', 'outbox-after', 'no-fence'] as const)('finds the bug %s', async (bug) => {
    // The first failure is enough: shrinking it would try hundreds of sequences more.
    expect((await fc.check(property(bug), { numRuns: 60, seed: 1, endOnFailure: true })).failed).toBe(true);
  });
});
