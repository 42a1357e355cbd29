/** Asks a running service in JSON. @throws Error with the answer's text unless it is one of success */
export type ApiCall = <T>(method: string, path: string, body?: object) => Promise<T>;

/** @param urlOf asked at each call: it may not be known yet */
export const apiCall =
  (urlOf: () => string, key: string): ApiCall =>
  async <T>(method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await fetch(urlOf() + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as T;
  };
