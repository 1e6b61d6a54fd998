package io.llmdb.models;

/**
 * How far the rotation of credentials has come.
 *
 * @param checked models that were looked at
 * @param changed those among them that held values under another key, or in plain text
 * @param total models in the database when it began
 */
public record CredentialRotation(long checked, long changed, long total) {}
