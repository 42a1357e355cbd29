/** Of PostgreSQL's server: it shuts down (57P01), crashes (57P02), cannot yet be talked to (57P03); connection exceptions (08). */
const SERVER_GONE = /^(57P0[123]|08...)$/;
const SOCKET_GONE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
/** Sentences without a code: the driver's, and TypeORM's of a connection that it gave up when it broke. */
const DRIVER_GONE =
  /^Connection terminated|^Client (has encountered a connection error|was closed)|^(Query runner|Database connection provided by a query runner) (was )?already released/;

/** Whether a statement failed because its server, or the way to it, is gone. */
export const isConnectionLost = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return SERVER_GONE.test(code) || SOCKET_GONE.has(code) || DRIVER_GONE.test(error.message);
};
