import { decimalAmount } from './money.js';

test.each([
  [41200, 2, '412.00'],
  [5, 2, '0.05'],
  [-5, 2, '-0.05'],
  [0, 2, '0.00'],
  [123, 0, '123'],
  [1, 4, '0.0001'],
  [Number.MAX_SAFE_INTEGER, 2, '90071992547409.91'],
])('%d with %d digits is %s', (minor, digits, text) => {
  expect(decimalAmount(minor, digits)).toBe(text);
});
