/** $1: feature set, $2: entity ids. */
export const readEntityStates = `SELECT entity_id AS id, version, state FROM entity_states WHERE feature_set = $1 AND entity_id = ANY ($2::text[])`;
