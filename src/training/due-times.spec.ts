import { isCron, lastDueMs } from './due-times.js';

const at = (text: string): number => Date.parse(text);

test.each([
  ['0 3 * * *', '2026-01-05T03:00:00.000Z', '2026-01-05T03:00:00.000Z'],
  ['0 3 * * *', '2026-01-05T03:00:00.001Z', '2026-01-05T03:00:00.000Z'],
  ['0 3 * * *', '2026-01-05T02:59:59.999Z', '2026-01-04T03:00:00.000Z'],
  ['*/15 * * * *', '2026-01-05T00:14:00Z', '2026-01-05T00:00:00.000Z'],
  ['30 4 * * 1', '2026-01-11T12:00:00Z', '2026-01-05T04:30:00.000Z'],
  ['0 0 29 2 *', '2026-01-05T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  // The hour that Europe has twice or never: UTC has it once.
  ['30 2 * * *', '2026-03-29T12:00:00Z', '2026-03-29T02:30:00.000Z'],
  ['30 2 * * *', '2026-10-25T12:00:00Z', '2026-10-25T02:30:00.000Z'],
])('%s at %s was due at %s', (cron, now, due) => {
  expect(new Date(lastDueMs(cron, at(now))!).toISOString()).toBe(due);
});

test('a daily schedule agrees with plain arithmetic over a year of odd times', () => {
  for (let i = 0; i < 500; i += 1) {
    const nowMs = at('2026-01-01T00:00:00Z') + i * 63_211_777;
    const due = Math.floor((nowMs - 3 * 3_600_000) / 86_400_000) * 86_400_000 + 3 * 3_600_000;
    expect(lastDueMs('0 3 * * *', nowMs)).toBe(due);
  }
});

test('what is no schedule of five fields, or never comes, is none', () => {
  expect(['0 3 * * *', '*/5 1-3 1,15 * 1-5'].every(isCron)).toBe(true);
  const wrong = ['', 'x', '0 3 * *', '* * * * * *', '61 * * * *', '0 0 31 2 *', '@daily', '2026-01-01T00:00:00'];
  expect(wrong.filter(isCron)).toEqual([]);
});
