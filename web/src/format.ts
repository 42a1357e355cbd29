import type { Channel } from '../../src/domain/decision.js';

export const CHANNEL_NAMES: Readonly<Record<Channel, { name: string; about: string }>> = {
  S: { name: 'Supervised', about: 'Discriminative: learned from labels what fraud looks like' },
  D: { name: 'Density', about: 'Generative: how unlikely this is under normal behaviour' },
  T: { name: 'Tails', about: 'How far out on the risky side of usual habits' },
  H: { name: 'Markov filter', about: 'Whether this counterpart seems compromised, from delayed labels' },
};

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const count = (n: number): string => whole.format(n);

export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)}\u00a0%`;

/** -log10 p as "1 in 8,300": two significant digits are all a tail estimate has. */
export const oneIn = (minusLog10P: number | null): string => {
  if (minusLog10P === null) return 'not calibrated';
  if (minusLog10P > 9) return '< 1 in 10⁹';
  const n = 10 ** minusLog10P;
  if (n < 10) return `1 in ${n.toFixed(1).replace(/\.0$/, '')}`;
  return `1 in ${count(Number(n.toPrecision(2)))}`;
};

const plain = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
export const number = (value: number | string): string =>
  typeof value === 'string' ? value : (Math.abs(value) >= 1 ? plain : small).format(value);

/** Short enough for an axis: "1.25M". */
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });
export const compact = (value: number): string => short.format(value);

const pad = (n: number): string => String(n).padStart(2, '0');

/** Event times are UTC, and shown so: "1 Mar 14:05:09". */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const day = (ms: number): string => `${new Date(ms).getUTCDate()} ${MONTHS[new Date(ms).getUTCMonth()]}`;
export const time = (ms: number, seconds = false): string => {
  const at = new Date(ms);
  return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}${seconds ? `:${pad(at.getUTCSeconds())}` : ''}`;
};
export const dayAndTime = (ms: number): string => `${day(ms)} ${time(ms)}`;

/** "512 B", "1.27 MB": powers of ten. */
export const bytes = (n: number): string => (n < 1000 ? `${n} B` : n < 1e6 ? `${number(n / 1000)} kB` : `${number(n / 1e6)} MB`);

/** Between two RFC 3339 times: "42 s", "6 min". */
export const lasted = (from: string, to: string): string => {
  const seconds = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  return seconds < 90 ? `${Math.round(seconds)}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`;
};
