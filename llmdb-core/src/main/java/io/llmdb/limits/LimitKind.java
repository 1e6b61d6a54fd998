package io.llmdb.limits;

import java.util.Locale;

/** What a limit counts. */
public enum LimitKind {
    /** {@code rpm_limit}: requests that were admitted in a minute. */
    REQUESTS("requests per minute"),
    /** {@code tpm_limit}: tokens, prompt and answer together, in a minute. */
    TOKENS("tokens per minute"),
    /** {@code max_parallel_requests}: requests that are running. */
    PARALLEL("parallel requests");

    private final String words;
    private final String sqlName = name().toLowerCase(Locale.ROOT);

    LimitKind(String words) {
        this.words = words;
    }

    /** @return the name in the tables' {@code kind} columns, such as {@code tokens} */
    public String sqlName() {
        return sqlName;
    }

    /** @return the words for it in a message, such as {@code tokens per minute} */
    public String words() {
        return words;
    }

    static LimitKind ofSqlName(String sqlName) {
        return valueOf(sqlName.toUpperCase(Locale.ROOT));
    }
}
