/** $1: epoch ms. Only ever forward: what was kept by the frontier before stays right. The caller holds the labels' lock. */
export const moveFrontier = `UPDATE evidence_frontier SET frozen_before = to_timestamp($1::double precision / 1000)
WHERE frozen_before < to_timestamp($1::double precision / 1000)`;
