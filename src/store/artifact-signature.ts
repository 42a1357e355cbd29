import { createHmac, timingSafeEqual } from 'node:crypto';
import { ModelRefusedError } from './state-conflict.js';

/**
 * HMAC-SHA256 (RFC 2104) of an artifact, hex. The version's name is part of it: a signed artifact cannot be passed off as
 * another version.
 */
export const signatureOf = (key: string, version: string, artifact: Uint8Array): string =>
  createHmac('sha256', key).update(`surprisal model\0${version}\0`).update(artifact).digest('hex');

/** @throws ModelRefusedError naming the version, when the signature is missing or not of this key and these bytes */
export const checkSignature = (key: string, version: string, artifact: Uint8Array, signature: string | null): void => {
  if (signature === null)
    throw new ModelRefusedError(
      `model ${version} is not signed, and SURPRISAL_SIGNING_KEY asks for it: "surprisal models sign" signs it`,
    );
  const stated = Buffer.from(signature, 'hex');
  const expected = Buffer.from(signatureOf(key, version, artifact), 'hex');
  if (stated.length !== expected.length || !timingSafeEqual(stated, expected))
    throw new ModelRefusedError(`model ${version} has a signature of other bytes or of another key than SURPRISAL_SIGNING_KEY`);
};
