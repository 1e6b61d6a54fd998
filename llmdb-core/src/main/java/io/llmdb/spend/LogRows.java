package io.llmdb.spend;

import io.llmdb.internal.Json;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes rows of the logs by COPY. The events come in the order of their ids, so that two writers cannot wait for each
 * other.
 */
final class LogRows {

    private static final String SPEND = """
            COPY ${llmdb}."LLM_SpendLogs" (id, request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
                "startTime", "endTime", request_duration_ms, "completionStartTime", model, model_id, model_group, custom_llm_provider,
                api_base, "user", metadata, cache_hit, cache_key, request_tags, team_id, organization_id, end_user,
                requester_ip_address, messages, response, session_id, status, proxy_server_request,
                further_counters, digest)
            FROM STDIN (FORMAT binary)""";

    private static final int SPEND_FIELDS = 33;

    private static final String ERROR = """
            COPY ${llmdb}."LLM_ErrorLogs" (id, request_id, "startTime", "endTime", api_base, model_group, llm_model_name, model_id,
                request_kwargs, exception_type, exception_string, status_code)
            FROM STDIN (FORMAT binary)""";

    private static final int ERROR_FIELDS = 12;

    private static final String RECEIPT = """
            COPY ${llmdb}."LLM_SpendReceipt" (id, "startTime", digest) FROM STDIN (FORMAT binary)""";

    private static final int RECEIPT_FIELDS = 3;

    private static final String PROMPTS_BEFORE = """
            SELECT prompts_before FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs' AND isfinite(prompts_before)""";

    private final String spend;
    private final String promptsBefore;
    private final String error;
    private final String receipt;
    private final boolean keepPrompts;

    LogRows(Sql sql, boolean keepPrompts) {
        this.spend = sql.of(SPEND);
        this.promptsBefore = sql.of(PROMPTS_BEFORE);
        this.error = sql.of(ERROR);
        this.receipt = sql.of(RECEIPT);
        this.keepPrompts = keepPrompts;
    }

    void writeSpend(Connection connection, List<SpendEvent> events) throws SQLException {
        EventDigest digests = new EventDigest();
        boolean anyPrompts = keepPrompts && events.stream().anyMatch(SpendEvent::hasPrompts);
        Instant promptsFrom = anyPrompts ? promptsFrom(connection) : Instant.MAX;
        try (CopyRows rows = new CopyRows(connection, spend)) {
            for (SpendEvent event : events) {
                boolean prompts = !event.startTime().isBefore(promptsFrom);
                rows.row(SPEND_FIELDS)
                        .uuid(event.id())
                        .text(event.requestId())
                        .text(event.callType())
                        .text(event.keyHash())
                        .decimal(event.cost())
                        .number(event.totalTokens())
                        .number(event.promptTokens())
                        .number(event.completionTokens())
                        .instant(event.startTime())
                        .instant(event.endTime())
                        .number(durationMillis(event))
                        .instant(event.completionStartTime())
                        .text(event.model())
                        .textOrNull(event.modelId())
                        .textOrNull(event.modelGroup())
                        .textOrNull(event.provider())
                        .textOrNull(event.apiBase())
                        .textOrNull(event.userId())
                        .json(event.metadata())
                        .textOrNull(event.cacheHit())
                        .textOrNull(event.cacheKey())
                        .json(tags(event))
                        .textOrNull(event.teamId())
                        .textOrNull(event.organizationId())
                        .textOrNull(event.endUser())
                        .textOrNull(event.requesterIp())
                        .json(prompts ? event.messages() : null)
                        .json(prompts ? event.response() : null)
                        .textOrNull(event.sessionId())
                        .text(status(event))
                        .json(prompts ? event.proxyServerRequest() : null)
                        .json(furtherCounters(event))
                        .number(digests.of(event));
            }
            rows.end();
        }
    }

    /** What starts before this comes when the prompts of its time are forgotten already. */
    private Instant promptsFrom(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(promptsBefore);
                ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getObject(1, OffsetDateTime.class).toInstant() : Instant.MIN;
        }
    }

    void writeReceipts(Connection connection, List<SpendEvent> events) throws SQLException {
        EventDigest digests = new EventDigest();
        try (CopyRows rows = new CopyRows(connection, receipt)) {
            for (SpendEvent event : events) {
                rows.row(RECEIPT_FIELDS)
                        .uuid(event.id())
                        .instant(event.startTime())
                        .number(digests.of(event));
            }
            rows.end();
        }
    }

    void writeErrors(Connection connection, List<SpendEvent> events) throws SQLException {
        if (events.stream().allMatch(SpendEvent::isSuccess)) {
            return;
        }
        try (CopyRows rows = new CopyRows(connection, error)) {
            for (SpendEvent event : events) {
                RequestError failure = event.error();
                if (failure != null) {
                    rows.row(ERROR_FIELDS)
                            .uuid(event.id())
                            .text(event.requestId())
                            .instant(event.startTime())
                            .instant(event.endTime())
                            .text(event.apiBase())
                            .text(event.modelGroup())
                            .text(event.model())
                            .text(event.modelId())
                            .json(requestJson(failure))
                            .text(failure.type())
                            .text(failure.message())
                            .text(failure.statusCode());
                }
            }
            rows.end();
        }
    }

    boolean keepsPrompts() {
        return keepPrompts;
    }

    static long durationMillis(SpendEvent event) {
        return Duration.between(event.startTime(), event.endTime()).toMillis();
    }

    static @Nullable String tags(SpendEvent event) {
        if (event.tags().isEmpty()) {
            return null;
        }
        StringBuilder json = new StringBuilder("[");
        for (String tag : event.tags()) {
            json.append(json.length() > 1 ? "," : "");
            if (isPlain(tag)) {
                json.append('"').append(tag).append('"');
            } else {
                json.append(Json.write(tag));
            }
        }
        return json.append(']').toString();
    }

    /** Whether a text needs nothing but quotes to be JSON. */
    private static boolean isPlain(String text) {
        return text.chars().allMatch(c -> c >= ' ' && c < 0x7F && c != '"' && c != '\\');
    }

    static String status(SpendEvent event) {
        return event.isSuccess() ? "success" : "failure";
    }

    static String requestJson(RequestError failure) {
        String json = failure.requestJson();
        return json == null ? "{}" : json;
    }

    /** Without the ids, where they are the event's own. */
    static @Nullable String furtherCounters(SpendEvent event) {
        if (event.furtherCounters().isEmpty()) {
            return null;
        }
        List<List<String>> counters = new ArrayList<>();
        for (CounterId counter : event.furtherCounters()) {
            List<String> entry =
                    new ArrayList<>(List.of(counter.scope().sqlName(), counter.model(), counter.duration()));
            if (!isOwn(counter, event)) {
                entry.add(counter.id());
                entry.add(counter.parentId());
            }
            counters.add(entry);
        }
        return Json.write(counters);
    }

    private static boolean isOwn(CounterId counter, SpendEvent event) {
        return switch (counter.scope()) {
            case KEY -> own(counter, event.keyHash(), "");
            case USER -> own(counter, event.userId(), "");
            case TEAM -> own(counter, event.teamId(), "");
            case TEAM_MEMBER -> own(counter, event.userId(), event.teamId());
            case ORGANIZATION -> own(counter, event.organizationId(), "");
            case ORGANIZATION_MEMBER -> own(counter, event.userId(), event.organizationId());
            case END_USER -> own(counter, event.endUser(), "");
            case PROXY -> own(counter, "", "");
            // A request has several tags.
            case TAG -> false;
        };
    }

    private static boolean own(CounterId counter, String id, String parentId) {
        return counter.id().equals(id) && counter.parentId().equals(parentId);
    }
}
