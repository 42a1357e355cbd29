import { hashId } from './primary-state.js';

/** A density takes up to 50 levels. Twelve levels in 48 buckets share one in about one pair; a field of hundreds is coarse. */
const BUCKETS = 48;
const NAME = /^hash \d+$/;

/**
 * Levels of a field of which none is known yet: buckets of the value's hash (feature hashing, Weinberger et al. 2009), so that
 * models that are fitted later on the same features still tell levels apart.
 */
export const HASHED_LEVELS: readonly string[] = Array.from({ length: BUCKETS }, (_, i) => `hash ${i}`);

export const isHashedLevel = (level: string | undefined): boolean => level !== undefined && NAME.test(level);

/** The finaliser of MurmurHash3: low bits of FNV-1a alone follow the last characters. */
const mixed = (hash: number): number => {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** Every value has a bucket: none is ever a level that training did not know. */
export const hashedIndex = { size: BUCKETS, get: (value: string): number => mixed(hashId(value)) % BUCKETS };
