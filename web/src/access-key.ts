const PLACE = 'surprisal-key';

/** The key of the address's fragment (`#key=…`), taken out of the address and the history; else this tab's. */
export const takeKey = (): string | null => {
  const given = new URLSearchParams(location.hash.slice(1)).get('key');
  if (given !== null && given !== '') {
    sessionStorage.setItem(PLACE, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(PLACE);
};

export const keepKey = (key: string): void => sessionStorage.setItem(PLACE, key);
export const dropKey = (): void => sessionStorage.removeItem(PLACE);
