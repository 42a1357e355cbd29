import type { DataSource } from 'typeorm';
import pg from 'pg';

/** Said with the commit that changes the champion (payload: transaction schema) or saves a calibration (payload: its id). */
export const CHAMPION_CHANNEL = 'surprisal_champion';
export const CALIBRATION_CHANNEL = 'surprisal_calibration';
/** Said with the commit after which a training run waits (payload: transaction schema). */
export const TRAINING_CHANNEL = 'surprisal_training';

const RECONNECT_MS = 2_000;

/**
 * Calls `onNotice` at every change that the channels speak of: by default of champion or calibration. Nothing relies on it:
 * a notice can be missed while the connection is down, so listeners poll as well.
 *
 * @param onError hears that the connection was lost; it is made again every two seconds
 */
export const listenToNotices = (
  dataSource: DataSource,
  onNotice: () => void,
  onError: (error: Error) => void,
  channels: readonly string[] = [CHAMPION_CHANNEL, CALIBRATION_CHANNEL],
): { close(): Promise<void> } => {
  const { url } = dataSource.options as { readonly url: string };
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;
  const lost = (error: Error): void => {
    if (isClosed || client === null) return;
    void client.end().catch(() => undefined);
    client = null;
    onError(error);
    retry = setTimeout(() => void connect(), RECONNECT_MS);
  };
  const connect = async (): Promise<void> => {
    const made = new pg.Client({ connectionString: url, application_name: 'surprisal notices' });
    client = made;
    made.on('error', lost);
    made.on('end', () => made === client && lost(new Error('the connection for notices ended')));
    made.on('notification', onNotice);
    try {
      await made.connect();
      await made.query(channels.map((channel) => `LISTEN ${channel}`).join('; '));
    } catch (error) {
      if (made === client) lost(error as Error);
    }
  };
  const first = connect();
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(retry);
      await first;
      await client?.end().catch(() => undefined);
    },
  };
};
