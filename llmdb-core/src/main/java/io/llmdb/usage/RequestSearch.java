package io.llmdb.usage;

import io.llmdb.common.Page;
import io.llmdb.internal.Json;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Finds one page of the spend log: asks for the newest day first, then for two, four, eight days before it, until the
 * page is full or the log ends. So a page of what is common costs a look at one day, and one of what is rare a few
 * statements, however many days there are.
 */
final class RequestSearch {

    private static final String COLUMNS = """
            l.id, l.request_id, l.call_type, l.api_key, l."user", l.team_id, l.organization_id, l.end_user, l.model, l.model_group, \
            l.custom_llm_provider, l.status, l.spend, l.prompt_tokens, l.completion_tokens, l.total_tokens, l."startTime", l."endTime", \
            l."completionStartTime", l.cache_hit, l.session_id, l.request_tags, l.requester_ip_address, l.api_base, l.metadata""";

    private static final String BOUNDS = """
            SELECT min(lower_bound), greatest(max(upper_bound), ${llmdb}.llmdb_now() + interval '1 day'), ${llmdb}.llmdb_now()
            FROM ${llmdb}.llmdb_partitions('LLM_SpendLogs')""";

    private static final String TAGGED = """
            SELECT coalesce(sum(api_requests), 0)::bigint FROM ${llmdb}."LLM_DailyTagSpend" WHERE tag = ? AND day BETWEEN ? AND ?""";

    /**
     * A tag that more requests of a day have than this is met soon enough in order of time; the index would sort them
     * all.
     */
    private static final long COMMON_TAG = 20_000;

    private static final int MOST_DAYS_AT_ONCE = 256;

    private final Sql sql;
    private final RequestFilter filter;
    private final int size;
    private final RequestLog.@Nullable Place after;
    private final List<LoggedRequest> found = new ArrayList<>();

    RequestSearch(Sql sql, RequestFilter filter, int size, RequestLog.@Nullable Place after) {
        this.sql = sql;
        this.filter = filter;
        this.size = size;
        this.after = after;
    }

    static Optional<LoggedRequest> find(Connection connection, Sql sql, UUID id, Instant start) throws SQLException {
        String text = "SELECT " + COLUMNS + " FROM ${llmdb}.\"LLM_SpendLogs\" l WHERE l.\"startTime\" = "
                + LogConditions.literal(start) + " AND l.id = ?";
        try (PreparedStatement statement = connection.prepareStatement(sql.of(text))) {
            statement.setObject(1, id);
            try (ResultSet row = statement.executeQuery()) {
                return row.next() ? Optional.of(read(row)) : Optional.empty();
            }
        }
    }

    /** One statement to ask: its text and arguments. */
    record Step(String text, List<Object> arguments) {}

    Page<LoggedRequest> page(Connection connection) throws SQLException {
        Instant settled = LogConditions.settledBefore(connection, sql);
        Instant oldest;
        Instant newest;
        Instant now;
        try (PreparedStatement statement = connection.prepareStatement(sql.of(BOUNDS));
                ResultSet row = statement.executeQuery()) {
            row.next();
            OffsetDateTime first = row.getObject(1, OffsetDateTime.class);
            oldest = first == null ? Instant.MAX : first.toInstant();
            newest = row.getObject(2, OffsetDateTime.class).toInstant();
            now = row.getObject(3, OffsetDateTime.class).toInstant();
        }
        Instant high = earliest(
                newest, filter.before(), after == null ? null : after.start().plusNanos(1000));
        LocalDate day = LocalDate.ofInstant(high.isAfter(now) ? now : high.minusNanos(1), ZoneOffset.UTC);
        boolean commonTag = filter.tag() != null && isCommon(connection, filter.tag(), day);
        Instant end = filter.from() == null ? Instant.MIN : filter.from();
        for (int days = 1; found.size() <= size && high.isAfter(end); days = Math.min(2 * days, MOST_DAYS_AT_ONCE)) {
            Instant low = midnight(day.minusDays(days - 1L));
            day = day.minusDays(days);
            if (!low.isAfter(oldest)) {
                // Before the oldest partition there are stray rows only.
                low = end;
            }
            low = low.isBefore(end) ? end : low;
            if (settled.isAfter(low) && settled.isBefore(high)) {
                ask(connection, step(settled, high, false, commonTag));
                high = settled;
            }
            if (found.size() <= size && high.isAfter(low)) {
                ask(connection, step(low, high, !settled.isBefore(high), commonTag));
            }
            high = low;
        }
        boolean more = found.size() > size;
        List<LoggedRequest> items = more ? found.subList(0, size) : found;
        LoggedRequest last = items.isEmpty() ? null : items.get(items.size() - 1);
        return new Page<>(
                items, more && last != null ? new RequestLog.Place(last.startTime(), last.id()).toString() : null);
    }

    private boolean isCommon(Connection connection, String tag, LocalDate day) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql.of(TAGGED))) {
            statement.setString(1, tag);
            statement.setObject(2, day.minusDays(1));
            statement.setObject(3, day);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1) > COMMON_TAG;
            }
        }
    }

    private static Instant midnight(LocalDate day) {
        return day.atStartOfDay(ZoneOffset.UTC).toInstant();
    }

    private static Instant earliest(Instant one, @Nullable Instant two, @Nullable Instant three) {
        Instant first = two != null && two.isBefore(one) ? two : one;
        return three != null && three.isBefore(first) ? three : first;
    }

    private Step step(Instant low, Instant high, boolean settled, boolean commonTag) {
        LogConditions where = new LogConditions(settled);
        if (low.isAfter(Instant.MIN)) {
            where.from(low);
        }
        where.before(high);
        if (after != null && !high.isBefore(after.start())) {
            where.and("(l.\"startTime\", l.id) < (?, ?)", after.start().atOffset(ZoneOffset.UTC), after.id());
        }
        id(where, "api_key", filter.keyHash());
        id(where, "\"user\"", filter.userId());
        id(where, "team_id", filter.teamId());
        id(where, "organization_id", filter.organizationId());
        id(where, "end_user", filter.endUser());
        id(where, "model", filter.model());
        if (filter.sessionId() != null) {
            where.rareId("session_id", filter.sessionId());
        }
        if (filter.requestId() != null) {
            where.rareId("request_id", filter.requestId());
        }
        if (filter.tag() != null) {
            where.and(
                    commonTag ? "(l.request_tags @> ?::jsonb) IS TRUE" : "l.request_tags @> ?::jsonb",
                    Json.write(List.of(filter.tag())));
        }
        if (filter.successful() != null) {
            if (filter.successful()) {
                where.and("l.status IS DISTINCT FROM 'failure'");
            } else {
                where.failed();
            }
        }
        if (filter.costAtLeast() != null) {
            where.costAtLeast(filter.costAtLeast());
        }
        if (filter.costAtMost() != null) {
            where.and("l.spend <= ?", filter.costAtMost());
        }
        String text = "SELECT " + COLUMNS + "\nFROM ${llmdb}.\"LLM_SpendLogs\" l\nWHERE " + where.text()
                + "\nORDER BY l.\"startTime\" DESC, l.id DESC\nLIMIT " + (size + 1 - found.size());
        return new Step(sql.of(text), where.arguments());
    }

    private static void id(LogConditions where, String column, @Nullable String id) {
        if (id != null) {
            where.id(column, id);
        }
    }

    private void ask(Connection connection, Step step) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(step.text())) {
            LogConditions.bind(statement, 1, step.arguments());
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(read(rows));
                }
            }
        }
    }

    private static LoggedRequest read(ResultSet row) throws SQLException {
        return new LoggedRequest(
                row.getObject(1, UUID.class),
                row.getString(2),
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getString(6),
                row.getString(7),
                row.getString(8),
                row.getString(9),
                row.getString(10),
                row.getString(11),
                !"failure".equals(row.getString(12)),
                row.getBigDecimal(13),
                row.getLong(14),
                row.getLong(15),
                row.getLong(16),
                row.getObject(17, OffsetDateTime.class).toInstant(),
                row.getObject(18, OffsetDateTime.class).toInstant(),
                instant(row, 19),
                row.getString(20),
                row.getString(21),
                tags(row.getString(22)),
                row.getString(23),
                row.getString(24),
                row.getString(25));
    }

    /** What others wrote into the column may be anything. */
    private static List<String> tags(@Nullable String json) {
        return json != null && Json.value(json) instanceof List<?> list
                ? list.stream().map(String::valueOf).toList()
                : List.of();
    }

    private static @Nullable Instant instant(ResultSet row, int column) throws SQLException {
        OffsetDateTime value = row.getObject(column, OffsetDateTime.class);
        return value == null ? null : value.toInstant();
    }
}
