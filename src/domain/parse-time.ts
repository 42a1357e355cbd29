import { DAY_MS } from './time.js';

/** Event times must lie in [1970-01-01, 2200-01-01) UTC. */
export const TIME_MIN_MS = 0;
export const TIME_MAX_MS = 7_258_118_400_000;

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Two or four digits at `at`; NaN when one of them is no digit. */
const digits = (text: string, at: number, count: number): number => {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
};

/** Days since 1970-01-01 (proleptic Gregorian; H. Hinnant, "chrono-compatible low-level date algorithms"); NaN: no such date. */
const epochDay = (year: number, month: number, day: number): number => {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && isLeap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
  if (!(day >= 1 && day <= days)) return NaN;
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
};

/** Length of the fraction ".d…" at `at`, 0 when there is none, -1 when it is empty or longer than 9 digits. */
const fractionLength = (text: string, at: number): number => {
  if (text.charCodeAt(at) !== 46) return 0;
  let end = at + 1;
  while (text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return end === at + 1 || end - at > 10 ? -1 : end - at;
};

/** "YYYY-MM-DD?HH:MM:SS[.fraction]" with `separators` at ?; returns [ms, end] packed as ms, and the end by `lengthOf`. */
const clockMs = (text: string, separators: string): { ms: number; end: number } => {
  const isShaped =
    text.length >= 19 &&
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    separators.includes(text[10]!) &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58;
  if (!isShaped) return { ms: NaN, end: 0 };
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const fraction = fractionLength(text, 19);
  if (!(hour <= 23 && minute <= 59 && second <= 59) || fraction < 0) return { ms: NaN, end: 0 };
  // Beyond milliseconds the fraction is cut off, not rounded: an event never moves into the next second.
  const ms = fraction === 0 ? 0 : Number(text.slice(20, Math.min(23, 19 + fraction)).padEnd(3, '0'));
  const day = epochDay(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
  return { ms: day * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms, end: 19 + fraction };
};

const inRange = (ms: number): number => (ms >= TIME_MIN_MS && ms < TIME_MAX_MS ? ms : NaN);

/** UTC epoch milliseconds of "YYYY-MM-DD HH:MM:SS[.fraction]", or NaN. */
export const parseSqlTime = (text: string): number => {
  const { ms, end } = clockMs(text, ' ');
  return end === text.length ? inRange(ms) : NaN;
};

/** UTC epoch milliseconds of "YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)", or NaN. A zone is required. */
export const parseIsoTime = (text: string): number => {
  const { ms, end } = clockMs(text, 'T');
  if (end === 0) return NaN;
  const sign = text.charCodeAt(end);
  if (sign === 90) return text.length === end + 1 ? inRange(ms) : NaN;
  if ((sign !== 43 && sign !== 45) || text.length !== end + 6 || text.charCodeAt(end + 3) !== 58) return NaN;
  const hours = digits(text, end + 1, 2);
  const minutes = digits(text, end + 4, 2);
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return inRange(ms - (sign === 43 ? 1 : -1) * (hours * 60 + minutes) * 60_000);
};

/** Whole or decimal seconds; kept to the millisecond. */
export const parseEpochSeconds = (value: number): number => inRange(Math.round(value * 1000));

/** Whole milliseconds only. */
export const parseEpochMilliseconds = (value: number): number => (Number.isInteger(value) ? inRange(value) : NaN);
