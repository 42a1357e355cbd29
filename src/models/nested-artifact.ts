import type { Artifact } from './artifact.js';

const SEPARATOR = '/';
type MemberMeta = Readonly<Record<string, Pick<Artifact, 'estimator' | 'meta'>>>;

/**
 * The artifacts of a model's members as parts of one: their meta by name, their arrays under `name/`. Members may
 * themselves be nested. A model adds its own `meta` and `arrays` beside them (never `meta.members`, no `/` in a name).
 *
 * @throws TypeError for a name with `/`, which could not be told from a member's member
 */
export const nestArtifacts = (members: Readonly<Record<string, Artifact>>): Pick<Artifact, 'meta' | 'arrays'> => {
  for (const name of Object.keys(members))
    if (name.includes(SEPARATOR)) throw new TypeError(`a member named "${name}": names must not contain "${SEPARATOR}"`);
  const meta: MemberMeta = Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, { estimator: member.estimator, meta: member.meta }]),
  );
  const arrays = Object.entries(members).flatMap(([name, member]) =>
    Object.entries(member.arrays).map(([array, values]) => [name + SEPARATOR + array, values] as const),
  );
  return { meta: { members: meta }, arrays: Object.fromEntries(arrays) };
};

/** Inverse of `nestArtifacts`, in the same order; arrays of the model's own stay out. */
export const memberArtifacts = (artifact: Artifact): Record<string, Artifact> =>
  Object.fromEntries(
    Object.entries((artifact.meta['members'] ?? {}) as MemberMeta).map(([name, { estimator, meta }]) => {
      const prefix = name + SEPARATOR;
      const arrays = Object.entries(artifact.arrays)
        .filter(([array]) => array.startsWith(prefix))
        .map(([array, values]) => [array.slice(prefix.length), values] as const);
      return [name, { estimator, meta, arrays: Object.fromEntries(arrays) }];
    }),
  );
