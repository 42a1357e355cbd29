/** Times in the words of a reason: the alert's sentence and the page say the same. */

/** @param days 0 or more. @returns "1 minute", "2.6 hours", "3.3 days" */
export const duration = (days: number): string => {
  if (days >= 2) return `${days.toFixed(1)} days`;
  if (days >= 2 / 24) return `${(days * 24).toFixed(1)} hours`;
  const minutes = (days * 1440).toFixed(0);
  return `${minutes} ${minutes === '1' ? 'minute' : 'minutes'}`;
};

/** @param hours of a day: 3.25 is "03:15" */
export const clockTime = (hours: number): string => {
  const minutes = Math.floor(hours * 60) % 1440;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
};
