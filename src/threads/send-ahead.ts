/**
 * Sends each piece while the next is read, and no further ahead: memory stays bounded.
 *
 * @param send resolves when the piece has been taken
 * @throws what reading or sending throws
 */
export const sendAhead = async <T>(pieces: AsyncIterable<T>, send: (piece: T) => Promise<unknown>): Promise<void> => {
  let taken: Promise<unknown> = Promise.resolve();
  for await (const piece of pieces) {
    await taken;
    taken = send(piece);
    // Awaited at the next turn or after the loop; until then a failure must not count as unhandled.
    taken.catch(() => undefined);
  }
  await taken;
};
