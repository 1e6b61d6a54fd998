package io.llmdb.spend;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Books one event in one round trip. */
final class SingleBooking {

    private static final String RECORD = """
            SELECT ${llmdb}.llmdb_record(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?::jsonb, ?, ?, ?, ?,
                ?::jsonb, ?::jsonb, ?, ?, ?::jsonb, ?::jsonb, ?,
                ?, ?, ?, ?::jsonb, ?::text[], ?, ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::int8[], ?::numeric[],
                ?, ?, ?, ?, ?)""";

    /** What contradicts stays until it stands among the dead letters. */
    private static final String RECORD_FROM_INBOX = "WITH answer AS MATERIALIZED (" + RECORD + " AS told), gone AS ("
            + "DELETE FROM ${llmdb}.\"LLM_SpendInbox\" i USING answer WHERE answer.told <> 'contradicting' AND i.id = ?)"
            + " SELECT told FROM answer";

    private final BookingPolicy policy;
    private final String record;
    private final String recordFromInbox;

    SingleBooking(Sql sql, BookingPolicy policy) {
        this.policy = policy;
        this.record = sql.of(RECORD);
        this.recordFromInbox = sql.of(RECORD_FROM_INBOX);
    }

    /**
     * Answers {@code booked}, {@code repeated} or {@code contradicting}.
     *
     * @param inInbox whether it is to be deleted in the inbox
     */
    String record(Connection connection, SpendEvent event, boolean inInbox) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(inInbox ? recordFromInbox : record)) {
            Arguments arguments = new Arguments(statement);
            bindRow(arguments, event);
            bindBooks(arguments, event);
            if (inInbox) {
                arguments.object(event.id());
            }
            try (ResultSet answer = statement.executeQuery()) {
                answer.next();
                return answer.getString(1);
            }
        }
    }

    private void bindRow(Arguments arguments, SpendEvent event) throws SQLException {
        boolean prompts = policy.keepPrompts();
        arguments
                .object(event.id())
                .text(event.requestId())
                .text(event.callType())
                .text(event.keyHash())
                .object(event.cost())
                .object(event.totalTokens())
                .object(event.promptTokens())
                .object(event.completionTokens())
                .instant(event.startTime())
                .instant(event.endTime())
                .object(LogRows.durationMillis(event))
                .instant(event.completionStartTime())
                .text(event.model())
                .textOrNull(event.modelId())
                .textOrNull(event.modelGroup())
                .textOrNull(event.provider())
                .textOrNull(event.apiBase())
                .textOrNull(event.userId())
                .text(event.metadata())
                .textOrNull(event.cacheHit())
                .textOrNull(event.cacheKey())
                .text(LogRows.tags(event))
                .textOrNull(event.teamId())
                .textOrNull(event.organizationId())
                .textOrNull(event.endUser())
                .textOrNull(event.requesterIp())
                .text(prompts ? event.messages() : null)
                .text(prompts ? event.response() : null)
                .textOrNull(event.sessionId())
                .text(LogRows.status(event))
                .text(prompts ? event.proxyServerRequest() : null)
                .text(LogRows.furtherCounters(event))
                .object(EventCodec.digest(event));
    }

    private void bindBooks(Arguments arguments, SpendEvent event) throws SQLException {
        RequestError error = event.error();
        List<String> tags = BatchSums.distinctTags(event);
        List<CounterId> counters = CounterDeltas.countersOf(event).stream()
                .sorted(CounterTable.LOCK_ORDER)
                .toList();
        Map<CounterId, LeaseShare> shares = event.leaseShares().stream()
                .collect(Collectors.toMap(LeaseShare::counter, share -> share, (one, other) -> one));
        BudgetDuration proxyDuration = policy.proxyDuration();
        arguments
                .text(error == null ? null : error.type())
                .text(error == null ? null : error.message())
                .text(error == null ? null : error.statusCode())
                .text(error == null ? null : LogRows.requestJson(error))
                .texts(tags.isEmpty() ? null : tags.toArray(String[]::new))
                .object(event.leaseHolder())
                .texts(counters.stream()
                        .map(counter -> counter.scope().sqlName())
                        .toArray(String[]::new))
                .texts(counters.stream().map(CounterId::id).toArray(String[]::new))
                .texts(counters.stream().map(CounterId::parentId).toArray(String[]::new))
                .texts(counters.stream().map(CounterId::model).toArray(String[]::new))
                .texts(counters.stream().map(CounterId::duration).toArray(String[]::new))
                .array(
                        "int8",
                        counters.stream()
                                .map(counter -> shares.containsKey(counter)
                                        ? shares.get(counter).epoch()
                                        : null)
                                .toArray())
                .array(
                        "numeric",
                        counters.stream()
                                .map(counter -> shares.containsKey(counter)
                                        ? shares.get(counter).amount()
                                        : null)
                                .toArray())
                .object(policy.keepSpendLogs())
                .object(policy.keepErrorLogs())
                .object(policy.updateCounters())
                .text(policy.defaultEndUserBudgetId())
                .text(proxyDuration == null ? null : proxyDuration.toString());
    }

    private static final class Arguments {
        private final PreparedStatement statement;
        private int index = 1;

        Arguments(PreparedStatement statement) {
            this.statement = statement;
        }

        Arguments text(@Nullable String value) throws SQLException {
            statement.setString(index++, value);
            return this;
        }

        Arguments textOrNull(String value) throws SQLException {
            return text(value.isEmpty() ? null : value);
        }

        Arguments object(@Nullable Object value) throws SQLException {
            if (value == null) {
                statement.setNull(index++, Types.OTHER);
            } else {
                statement.setObject(index++, value);
            }
            return this;
        }

        Arguments instant(@Nullable Instant value) throws SQLException {
            statement.setObject(
                    index++, value == null ? null : value.atOffset(ZoneOffset.UTC), Types.TIMESTAMP_WITH_TIMEZONE);
            return this;
        }

        Arguments array(String type, Object[] values) throws SQLException {
            statement.setArray(index++, statement.getConnection().createArrayOf(type, values));
            return this;
        }

        Arguments texts(String @Nullable [] values) throws SQLException {
            if (values == null) {
                statement.setNull(index++, Types.ARRAY);
            } else {
                statement.setArray(index++, statement.getConnection().createArrayOf("text", values));
            }
            return this;
        }
    }
}
