const names = new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' });

/**
 * Whether text is an ISO 4217 code: three capital letters that Unicode's data, which Node carries, has a name for. Withdrawn
 * codes count (histories hold them); `Intl.supportedValuesOf` leaves them out, and funds codes such as CLF.
 */
export const isCurrencyCode = (value: unknown): value is string => {
  if (typeof value !== 'string' || value.length !== 3) return false;
  // Asking is slow, and there are few codes: what is no code is not remembered.
  if (known.has(value)) return true;
  if (!/^[A-Z]{3}$/.test(value) || names.of(value) === undefined) return false;
  known.add(value);
  return true;
};
const known = new Set<string>();

export const CURRENCY_EXPECTED = 'an ISO 4217 code of three capital letters, such as EUR';
