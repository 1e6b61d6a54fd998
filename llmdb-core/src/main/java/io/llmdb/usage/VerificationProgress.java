package io.llmdb.usage;

/**
 * How far a verification has come.
 *
 * @param step what was just finished, for people
 * @param done steps that are finished
 * @param total all steps, as far as known
 */
public record VerificationProgress(String step, int done, int total) {}
