import { clockTime, duration } from './time-words.js';

test.each([
  [0, '0 minutes'],
  [0.000794, '1 minute'],
  [1.49 / 1440, '1 minute'],
  [1.51 / 1440, '2 minutes'],
  [0.11, '2.6 hours'],
  [3.25, '3.3 days'],
])('%d days are "%s"', (days, words) => {
  expect(duration(days)).toBe(words);
});

test.each([
  [0, '00:00'],
  [3.25, '03:15'],
  [23.999, '23:59'],
  [24, '00:00'],
])('hour %d is "%s"', (hours, words) => {
  expect(clockTime(hours)).toBe(words);
});
