const NAMES_MAX = 5;

/** What sets two feature sets with different hashes apart, by the names of their columns; one sentence's end. */
export const featureDifference = (stored: readonly string[], computed: readonly string[]): string => {
  const lacking = stored.filter((name) => !computed.includes(name));
  const added = computed.filter((name) => !stored.includes(name));
  const parts = [
    ...(lacking.length > 0 ? [`it reads ${named(lacking)}, which this build does not compute`] : []),
    ...(added.length > 0 ? [`it does not know ${named(added)}`] : []),
  ];
  if (parts.length > 0) return parts.join(', and ');
  const isReordered = stored.some((name, i) => computed[i] !== name);
  return isReordered ? 'the same columns in another order' : 'the same columns with other bins, priors or meanings';
};

const named = (names: readonly string[]): string => {
  const shown = names.slice(0, NAMES_MAX).join(', ');
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
};
