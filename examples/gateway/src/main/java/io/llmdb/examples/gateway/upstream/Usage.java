package io.llmdb.examples.gateway.upstream;

/**
 * What an answer took.
 *
 * @param promptTokens tokens of the prompt
 * @param completionTokens tokens of the answer
 */
public record Usage(long promptTokens, long completionTokens) {}
