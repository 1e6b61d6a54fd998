package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.ContradictingEventException;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.Scope;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One event changes the log, every counter and the daily totals, once. */
@LlmDbTest
class BookingTest {

    private static final World WORLD = new World(100);

    /** The two ways into the books. */
    enum Way {
        /** One round trip for an event that somebody waits for. */
        ALONE(DeliveryPolicy.booked()),
        /** COPY of what queued up. */
        IN_BATCHES(Recorders.memory());

        private final DeliveryPolicy policy;

        Way(DeliveryPolicy policy) {
            this.policy = policy;
        }
    }

    private static SpendRecorder open(TestDatabase database, BookingPolicy booking, Way way) {
        return Recorders.open(database, booking, way.policy);
    }

    /** An event of which every part is set. */
    private static SpendEvent full(Instant start) {
        return SpendEvent.builder(start)
                .requestId("req-ü-1")
                .callType("aembedding")
                .keyHash(World.hash(1))
                .cost(new BigDecimal("12345678901234567890.000000000000000000012345678901234567890123456789"))
                .tokens(1_000_000_007L, 3)
                .totalTokens(1_000_000_011L)
                .endTime(start.plusSeconds(3).plusNanos(123_456_000))
                .completionStartTime(start.plusMillis(300))
                .model("gpt-4o")
                .modelId("m1")
                .modelGroup("group")
                .provider("openai")
                .apiBase("https://api.example.com")
                .userId(WORLD.user(1))
                .teamId(WORLD.team(1))
                .organizationId(WORLD.organization(1))
                .endUser("customer \uD83D\uDE00")
                .tags(List.of("a", "b", "a"))
                .metadata("{\"a\": [1, 2.50, \"x\\ty\"]}")
                .cacheHit("False")
                .cacheKey("ck")
                .requesterIp("10.0.0.1")
                .messages("[{\"role\": \"user\", \"content\": \"tab\\t quote\\\" \\u00e9\"}]")
                .response("{\"choices\": []}")
                .proxyServerRequest("{\"url\": \"/v1\"}")
                .sessionId("s-1")
                .error(new RequestError("APIError", "line one\nline two\t\\N", "500", "{\"model\": \"gpt-4o\"}"))
                .furtherCounters(List.of(
                        CounterId.of(Scope.KEY, World.hash(1)).forModel("gpt-4o", ""),
                        CounterId.of(Scope.TEAM, WORLD.team(1)).forWindow("")))
                .build();
    }

    @ParameterizedTest
    @EnumSource
    void oneEventChangesEverythingOnce(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        SpendEvent event = full(Recorders.now(database));
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            Recorders.book(recorder, List.of(event));
            assertThat(Ledger.differences(Ledger.of(List.of(event)), database)).isEmpty();

            Recorders.book(recorder, List.of(event, event));
            assertThat(Ledger.differences(Ledger.of(List.of(event)), database)).isEmpty();
            assertThat(recorder.metrics().repeated()).isEqualTo(2);
            assertThat(recorder.metrics().booked()).isEqualTo(1);
        }
        assertThat(database.books())
                .satisfies(books -> assertThat(books.differences()).isEmpty());
    }

    /** An event may start a moment after the database's present; its window is that of its start all the same. */
    @ParameterizedTest
    @EnumSource(Way.class)
    void whatIsAheadOfTheClockCountsInItsOwnWindow(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        Instant reset = database.clock().now().plusMillis(100);
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET budget_duration = '5h', budget_reset_at = ?::timestamptz WHERE token = ?",
                reset.toString(),
                World.hash(1));
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            recorder.record(spent(reset.minusSeconds(6)));
            recorder.record(spent(reset.plusMillis(50)));
            recorder.record(spent(reset.minusMillis(1)));
        }

        assertThat(database.books()).agree();
    }

    private static SpendEvent spent(Instant start) {
        return SpendEvent.builder(start)
                .keyHash(World.hash(1))
                .cost(BigDecimal.ONE)
                .build();
    }

    @Test
    void bothWaysWriteTheSameRow(TestDatabase database) {
        WORLD.insertInto(database);
        Instant start = Recorders.now(database);
        Map<Way, List<Map<String, Object>>> rows = new TreeMap<>();
        for (Way way : Way.values()) {
            SpendEvent event = full(start);
            try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
                Recorders.book(recorder, List.of(event));
            }
            rows.put(way, database.rows("""
                    SELECT to_jsonb(l) - 'id' - 'digest' AS log, to_jsonb(e) - 'id' AS error
                    FROM ${llmdb}."LLM_SpendLogs" l JOIN ${llmdb}."LLM_ErrorLogs" e USING (id) WHERE id = ?""", event.id()));
        }
        assertThat(rows.get(Way.ALONE))
                .hasSize(1)
                .asString()
                .contains("customer \uD83D\uDE00", "12345678901234567890.00");
        assertThat(rows.get(Way.IN_BATCHES))
                .asString()
                .isEqualTo(rows.get(Way.ALONE).toString());
    }

    @ParameterizedTest
    @EnumSource
    void deliveredOftenAndInAnyOrderItCountsOnce(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 500, 1);
        List<SpendEvent> deliveries = new ArrayList<>(requests);
        deliveries.addAll(requests.subList(0, 300));
        deliveries.addAll(requests.subList(200, 500));
        Collections.shuffle(deliveries, new Random(2));
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            Recorders.book(recorder, deliveries);
            assertThat(recorder.metrics().booked()).isEqualTo(500);
            assertThat(recorder.metrics().repeated()).isEqualTo(600);
        }
        assertThat(Ledger.differences(Ledger.of(requests), database)).isEmpty();
        assertThat(database.books().differences()).isEmpty();
    }

    @Test
    void theSameIdWithOtherContentIsAnError(TestDatabase database) {
        WORLD.insertInto(database);
        SpendEvent event = WORLD.requests(database, 1, 3).get(0);
        SpendEvent other =
                event.toBuilder().cost(event.cost().add(BigDecimal.ONE)).build();
        try (SpendRecorder recorder = open(database, Recorders.ALL, Way.ALONE)) {
            recorder.record(event);
            assertThatThrownBy(() -> recorder.record(other))
                    .isInstanceOf(ContradictingEventException.class)
                    .hasMessageContaining(event.id().toString());
            recorder.record(event);
        }
        try (SpendRecorder recorder = open(database, Recorders.ALL, Way.IN_BATCHES)) {
            Recorders.book(recorder, List.of(other));
            assertThat(recorder.metrics().contradicting()).isEqualTo(1);
        }
        Map<String, String> books = Ledger.in(database);
        books.keySet().removeIf(key -> key.startsWith("dead letter"));
        assertThat(books).isEqualTo(Ledger.of(List.of(event)));
        assertThat(database.rows("SELECT reason FROM ${llmdb}.\"LLM_DeadLetter\""))
                .isNotEmpty()
                .allSatisfy(row -> assertThat(row.get("reason")).asString().contains("other content"));
    }

    @ParameterizedTest
    @EnumSource
    void withoutLogsTheCountersGoOn(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 200, 4);
        try (SpendRecorder recorder = open(database, Recorders.booking(false, false, true), way)) {
            Recorders.book(recorder, requests);
            Recorders.book(recorder, requests);
            assertThat(recorder.metrics().repeated()).isEqualTo(200);
        }
        Map<String, String> expected = Ledger.of(requests);
        expected.keySet().removeIf(key -> key.startsWith("log ") || key.startsWith("error "));
        assertThat(Ledger.differences(expected, database)).isEmpty();
        assertThat(database.books().differences()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void whatWasBookedBeforeLogsWereSwitchedIsKnownAfterwards(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> first = WORLD.requests(database, 50, 5);
        List<SpendEvent> second = WORLD.requests(database, 50, 6);
        List<SpendEvent> both = new ArrayList<>(first);
        both.addAll(second);
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            Recorders.book(recorder, first);
        }
        try (SpendRecorder recorder = open(database, Recorders.booking(false, true, true), way)) {
            Recorders.book(recorder, both);
        }
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            Recorders.book(recorder, both);
            assertThat(recorder.metrics().repeated()).isEqualTo(100);
        }
        Map<String, String> expected = Ledger.of(both);
        second.forEach(event -> expected.remove("log " + event.id()));
        assertThat(Ledger.differences(expected, database)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void errorRowsAndCountersCanBeSwitchedOff(Way way, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 200, 7);
        try (SpendRecorder recorder = open(database, Recorders.booking(true, false, false), way)) {
            Recorders.book(recorder, requests);
            Recorders.book(recorder, requests);
        }
        Map<String, String> expected = Ledger.of(requests);
        expected.keySet().removeIf(key -> !key.startsWith("log "));
        assertThat(Ledger.differences(expected, database)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void spendOfEntitiesThatAreGoneIsLogged(Way way, TestDatabase database) {
        World none = new World(3);
        SpendEvent event = none.request(new SplittableRandom(8), Recorders.now(database)).toBuilder()
                .endUser("new customer")
                .tags(List.of("new tag"))
                .build();
        try (SpendRecorder recorder = open(database, Recorders.ALL, way)) {
            Recorders.book(recorder, List.of(event));
        }
        Map<String, String> expected = Ledger.of(List.of(event));
        expected.keySet()
                .removeIf(key -> key.startsWith("counter ")
                        && !key.startsWith("counter end_user")
                        && !key.startsWith("counter tag")
                        && !key.startsWith("counter proxy")
                        && !key.contains(event.model()));
        assertThat(Ledger.differences(expected, database)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void promptsAreKeptOnlyIfTheSettingsSaySo(Way way, TestDatabase database) {
        BookingPolicy all = Recorders.ALL;
        BookingPolicy without = new BookingPolicy(true, true, true, false, all.calendar(), false, null, null, null);
        SpendEvent event = full(Recorders.now(database));
        try (SpendRecorder recorder = open(database, without, way)) {
            Recorders.book(recorder, List.of(event));
        }
        assertThat(database.rows("SELECT * FROM ${llmdb}.\"LLM_SpendLogs\""))
                .singleElement()
                .satisfies(row -> {
                    assertThat(row).containsEntry("messages", null).containsEntry("response", null);
                    assertThat(row).containsEntry("proxy_server_request", null);
                    assertThat(row.get("metadata")).isNotNull();
                });
    }

    /** Whoever asks for slices of budgets locks their counters in the same order. */
    @Test
    void furtherCountersAreLockedByTheirIdsWhateverOrderTheEventHas(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        CounterId key = CounterId.of(Scope.KEY, World.hash(1));
        List<SpendEvent> events = WORLD.requests(database, 2, 8).stream()
                .map(event -> event.toBuilder()
                        .furtherCounters(List.of(key.forWindow("7d"), key.forWindow("30d")))
                        .build())
                .toList();
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.booked());
                Connection holder = database.dataSource().getConnection()) {
            recorder.record(events.get(0));
            holder.setAutoCommit(false);
            lock(database, holder, "30d");
            CompletableFuture<Void> booked = recorder.recordAsync(events.get(1));
            Await.until("it waits", Recorders.DEADLINE, () -> database.value(Long.class, """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event_type = 'Lock'""") == 1);
            lock(database, holder, "7d");
            holder.rollback();
            booked.get(60, TimeUnit.SECONDS);
        }
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadlock();
    }

    private static void lock(TestDatabase database, Connection connection, String duration) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SELECT 1 FROM \"" + database.schema()
                    + "\".\"LLM_SpendCounter\" WHERE budget_duration = '" + duration + "' FOR UPDATE NOWAIT");
        }
    }
}
