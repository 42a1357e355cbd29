import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { PlantedBug } from '../faults/planted-bugs.js';
import { protocolProperty } from '../support/protocol/machine.js';
import { MemoryLedger } from '../support/protocol/memory-ledger.js';

/** The model of the protocol: what holds here is a matter of its order of steps, not of SQL. */
describe('the protocol of offset and outbox, as a model', () => {
  beforeAll(() => void Logger.overrideLogger(false));
  const ledger = (bug: PlantedBug) => () => Promise.resolve(new MemoryLedger(bug));

  it('loses nothing and doubles nothing, whoever is killed, sleeps or is overtaken', async () => {
    await fc.assert(protocolProperty(ledger('none')), { numRuns: 2_000, seed: 1 });
  });

  it.each([
    ['offset-first', /is killed between its commit/, /stored: /],
    ['outbox-after', /is killed between its commit/, /messages are neither published nor waiting/],
    ['no-fence', /consumer 0.*consumer 1|consumer 1.*consumer 0|sleeps while the other reads/, /stored: |was committed/],
  ] as const)('finds the bug %s', async (bug, sequence, problem) => {
    const found = await fc.check(protocolProperty(ledger(bug)), { numRuns: 2_000, seed: 1 });
    expect(found.failed).toBe(true);
    expect(fc.stringify(found.counterexample)).toMatch(sequence);
    expect((found.errorInstance as Error).message).toMatch(problem);
  });
});
