import type { z } from 'zod';
import { encodeRows, fitEncoder, type EncoderOptions } from '../column-encoder.js';
import type { FitContext, TrainingData } from '../detector.js';
import { limitRows } from '../fit-rows.js';
import { parseParameters } from '../parameters.js';

/**
 * How the fit of every density begins: its parameters, at most `rowsMax` rows, and their columns encoded.
 *
 * @throws TypeError naming the parameter or the column that does not fit
 */
export const encodeTraining = <T extends Pick<EncoderOptions, 'transform'> & { readonly rowsMax: number }>(
  estimator: string,
  schema: z.ZodType<T>,
  { features }: TrainingData,
  context: FitContext,
  { atoms }: Pick<EncoderOptions, 'atoms'>,
) => {
  const parameters = parseParameters(estimator, schema, context.parameters);
  const limited = limitRows(features, parameters.rowsMax, context.random.fork('rows'));
  const encoder = fitEncoder(limited, { transform: parameters.transform, atoms });
  return { parameters, encoder, rows: encodeRows(encoder, limited) };
};
