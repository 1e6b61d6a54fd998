package io.llmdb.usage;

/** What usage can be told apart by. */
public enum UsageDimension {
    /** The virtual key, by its hash. */
    KEY("key", "api_key", "api_key"),
    /** The user whom the request counts on. */
    USER("user", "user_id", "\"user\""),
    /** The team. */
    TEAM("team", "team_id", "team_id"),
    /** The organization. */
    ORGANIZATION("organization", "organization_id", "organization_id"),
    /** The model that was called. */
    MODEL("model", "model", "model"),
    /** The group of models that was asked for. */
    MODEL_GROUP("model_group", "model_group", "model_group"),
    /** Who runs the model. */
    PROVIDER("provider", "custom_llm_provider", "custom_llm_provider"),
    /** The end user that the request names. */
    END_USER("end_user", "end_user", "end_user"),
    /** A tag; a request with several counts for each of them. */
    TAG("tag", "tag", "");

    private final String kind;
    private final String dailyColumn;
    private final String logColumn;

    UsageDimension(String kind, String dailyColumn, String logColumn) {
        this.kind = kind;
        this.dailyColumn = dailyColumn;
        this.logColumn = logColumn;
    }

    /** What the sums call it. */
    String kind() {
        return kind;
    }

    /** The column of daily totals. */
    String dailyColumn() {
        return dailyColumn;
    }

    /** The column of the log; empty for tags, of which a row has several. */
    String logColumn() {
        return logColumn;
    }

    /** Whether the log has an index for it. */
    boolean isIndexedInLog() {
        return switch (this) {
            case KEY, USER, TEAM, ORGANIZATION, END_USER, MODEL -> true;
            case MODEL_GROUP, PROVIDER, TAG -> false;
        };
    }
}
