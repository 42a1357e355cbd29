import { describe, expect, it } from '@jest/globals';
import { StateCache } from './state-cache.js';

const state = (entityId: string, version: number, size = 10) => ({ entityId, version, bytes: new Uint8Array(size) });

describe('StateCache', () => {
  it('gives what was kept last, and names what it lacks', () => {
    const cache = new StateCache();
    cache.keep('f', [state('a', 1), state('b', 1)]);
    cache.keep('f', [state('a', 2)]);
    expect(cache.find('f', ['a', 'b', 'c'])).toEqual({ found: [state('a', 2), state('b', 1)], missing: ['c'] });
    cache.drop(['a']);
    expect(cache.find('f', ['a', 'b']).missing).toEqual(['a']);
  });

  it('holds no more bytes than it may, and lets go of what was longest without a commit', () => {
    const cache = new StateCache(25);
    cache.keep('f', [state('a', 1), state('b', 1)]);
    cache.keep('f', [state('a', 2)]);
    cache.keep('f', [state('c', 1)]);
    expect(cache.find('f', ['a', 'b', 'c']).missing).toEqual(['b']);
    cache.keep('f', [state('d', 1, 26)]);
    expect(cache.find('f', ['a', 'c', 'd']).missing).toEqual(['a', 'c', 'd']);
  });

  it('never gives a state of another feature set', () => {
    const cache = new StateCache();
    cache.keep('f', [state('a', 1)]);
    expect(cache.find('g', ['a']).missing).toEqual(['a']);
    expect(cache.find('f', ['a']).missing).toEqual(['a']);
  });
});
