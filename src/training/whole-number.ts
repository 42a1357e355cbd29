import { z } from 'zod';

/** Of a setting: whatever is wrong with it, the sentence says the range. */
export const wholeNumber = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int(error).min(min, error).max(max, error);
};
