package io.llmdb.usage;

import org.jspecify.annotations.Nullable;

/**
 * What was sent and what was answered, where {@code store_prompts_in_spend_logs} keeps it and
 * {@code prompts_retention_period} has not dropped it.
 *
 * @param messages what was sent, JSON, or null
 * @param response the answer, JSON, or null
 * @param proxyServerRequest the request as it came to the proxy, JSON, or null
 */
public record LoggedPrompt(
        @Nullable String messages,
        @Nullable String response,
        @Nullable String proxyServerRequest) {}
