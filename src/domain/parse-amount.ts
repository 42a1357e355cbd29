/**
 * Amount in minor units of a decimal string ("-12.5" with 2 digits: -1250), or NaN: not a plain decimal, more decimals than
 * `minorDigits`, or beyond safe integers. A sign is allowed: refunds and reversals are negative.
 */
export const parseAmount = (text: string, minorDigits: number): number => {
  const isNegative = text.charCodeAt(0) === 45;
  let minor = 0;
  let decimals = -1;
  const start = isNegative ? 1 : 0;
  for (let i = start; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 46 && decimals < 0 && i > start) {
      decimals = 0;
      continue;
    }
    const digit = code - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    if (decimals >= 0) decimals += 1;
    minor = minor * 10 + digit;
    if (minor > Number.MAX_SAFE_INTEGER) return NaN;
  }
  if (text.length === start || decimals === 0 || decimals > minorDigits) return NaN;
  for (let i = Math.max(decimals, 0); i < minorDigits; i += 1) minor *= 10;
  if (minor > Number.MAX_SAFE_INTEGER) return NaN;
  return isNegative && minor !== 0 ? -minor : minor;
};

/**
 * For data files alone: "67.28000000000002" and "0.30000000000000004" are what binary floats leave of exact amounts.
 * Accepted when at least 8 decimals are written and they are within 1e-6 of a minor unit; else NaN.
 */
export const parseFloatNoiseAmount = (text: string, minorDigits: number): number => {
  if (text.length > 40 || !/^-?\d+\.\d{8,}$/.test(text)) return NaN;
  const scaled = Number(text) * 10 ** minorDigits;
  const minor = Math.round(scaled);
  return Number.isSafeInteger(minor) && Math.abs(scaled - minor) < 1e-6 ? minor + 0 : NaN;
};
