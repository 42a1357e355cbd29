import { isConnectionLost } from './connection-lost.js';

test.each([
  ['terminating connection due to administrator command', '57P01', true],
  ['the database system is shutting down', '57P03', true],
  ['connection failure', '08006', true],
  ['read ECONNRESET', 'ECONNRESET', true],
  ['Connection terminated unexpectedly', undefined, true],
  ['Query runner already released. Cannot run queries anymore.', undefined, true],
  ['Database connection provided by a query runner was already released, cannot continue', undefined, true],
  ['canceling statement due to user request', '57014', false],
  ['relation "x" does not exist', '42P01', false],
  ['cancelled', undefined, false],
])('%s (%s): %s', (message, code, expected) => {
  expect(isConnectionLost(Object.assign(new Error(message), { code }))).toBe(expected);
});
