/** Minor units to the decimal string of the wire: 41200 with 2 digits is "412.00". */
export const decimalAmount = (amountMinor: number, minorDigits: number): string => {
  const digits = String(Math.abs(amountMinor)).padStart(minorDigits + 1, '0');
  const whole = digits.slice(0, digits.length - minorDigits);
  const fraction = minorDigits === 0 ? '' : `.${digits.slice(digits.length - minorDigits)}`;
  return `${amountMinor < 0 ? '-' : ''}${whole}${fraction}`;
};
