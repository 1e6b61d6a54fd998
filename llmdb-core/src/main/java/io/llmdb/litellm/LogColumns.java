package io.llmdb.litellm;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The columns of the spend log, there and here, in the order in which the streams have them. */
enum LogColumns {
    REQUEST_ID("request_id", Kind.TEXT),
    CALL_TYPE("call_type", Kind.TEXT),
    API_KEY("api_key", Kind.TEXT),
    SPEND("spend", Kind.NUMBER),
    TOTAL_TOKENS("total_tokens", Kind.NUMBER),
    PROMPT_TOKENS("prompt_tokens", Kind.NUMBER),
    COMPLETION_TOKENS("completion_tokens", Kind.NUMBER),
    START("startTime", Kind.TIME),
    END("endTime", Kind.TIME),
    DURATION("request_duration_ms", Kind.OPTIONAL),
    COMPLETION_START("completionStartTime", Kind.TIME),
    MODEL("model", Kind.TEXT),
    MODEL_ID("model_id", Kind.OPTIONAL),
    MODEL_GROUP("model_group", Kind.OPTIONAL),
    PROVIDER("custom_llm_provider", Kind.OPTIONAL),
    API_BASE("api_base", Kind.OPTIONAL),
    USER("user", Kind.OPTIONAL),
    METADATA("metadata", Kind.JSON),
    CACHE_HIT("cache_hit", Kind.OPTIONAL),
    CACHE_KEY("cache_key", Kind.OPTIONAL),
    TAGS("request_tags", Kind.JSON),
    TEAM_ID("team_id", Kind.OPTIONAL),
    ORGANIZATION_ID("organization_id", Kind.OPTIONAL),
    END_USER("end_user", Kind.OPTIONAL),
    IP("requester_ip_address", Kind.OPTIONAL),
    MESSAGES("messages", Kind.JSON),
    RESPONSE("response", Kind.JSON),
    SESSION_ID("session_id", Kind.OPTIONAL),
    STATUS("status", Kind.OPTIONAL),
    REQUEST("proxy_server_request", Kind.JSON);

    /** Columns that are counted by themselves there, and follow from others here. */
    static final String TABLE = "LiteLLM_SpendLogs";

    /** What a column is like. */
    enum Kind {
        /** Never NULL here; NULL there is empty. */
        TEXT,
        /** Never NULL here; NULL there is 0. */
        NUMBER,
        TIME,
        /** NULL here where there is nothing, which is the empty text there. */
        OPTIONAL,
        /** NULL here where there is nothing, which is {@code {}} there. */
        JSON
    }

    private final String column;
    private final Kind kind;

    LogColumns(String column, Kind kind) {
        this.column = column;
        this.kind = kind;
    }

    String column() {
        return column;
    }

    Kind kind() {
        return kind;
    }

    /** Columns there that have no place here. */
    static List<String> unknown(Source.Table table) {
        Set<String> known = new java.util.HashSet<>();
        for (LogColumns column : values()) {
            known.add(column.column);
        }
        return table.columns().keySet().stream()
                .filter(column -> !known.contains(column))
                .toList();
    }

    /** Everything that a row has, as text; at last one object with what has no place here. */
    static String select(Source.Table table) {
        List<String> expressions = new ArrayList<>();
        for (LogColumns column : values()) {
            expressions.add(table.expression(column.column));
        }
        List<String> rest = unknown(table);
        if (rest.isEmpty()) {
            expressions.add("NULL");
        } else {
            List<String> members = new ArrayList<>();
            for (String column : rest) {
                members.add("'" + column.replace("'", "''") + "', t." + Source.quoted(column));
            }
            expressions.add(
                    "nullif(jsonb_strip_nulls(jsonb_build_object(" + String.join(", ", members) + ")), '{}')::text");
        }
        return String.join(", ", expressions);
    }

    /** The columns here; the id and the digest are ours. */
    static String target() {
        StringBuilder target = new StringBuilder("id");
        for (LogColumns column : values()) {
            target.append(", ").append(Source.quoted(column.column));
        }
        return target.append(", digest").toString();
    }
}
