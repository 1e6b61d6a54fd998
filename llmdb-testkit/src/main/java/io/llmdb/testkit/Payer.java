package io.llmdb.testkit;

/**
 * Who pays for a request: a key and whose it is.
 *
 * @param keyHash the hash of the virtual key
 * @param userId its user; empty: none
 * @param teamId its team; empty: none
 * @param organizationId its organization; empty: none
 */
public record Payer(String keyHash, String userId, String teamId, String organizationId) {}
