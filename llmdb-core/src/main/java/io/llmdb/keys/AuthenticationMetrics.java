package io.llmdb.keys;

/**
 * What authentication did since it was opened.
 *
 * @param callers callers by key
 * @param callersByKeyAlone callers that were read by their key's row alone, because what is around it was in memory
 * @param endUsers end users by id
 * @param tags tags by name
 * @param budgets budget rows by id
 * @param malformed strings that were refused because they are no keys
 * @param unknownWithoutQuery keys that were refused as unknown without a query, because too many such came
 */
public record AuthenticationMetrics(
        CacheMetrics callers,
        long callersByKeyAlone,
        CacheMetrics endUsers,
        CacheMetrics tags,
        CacheMetrics budgets,
        long malformed,
        long unknownWithoutQuery) {}
