package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.spend.BacklogFullException;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.ContradictingEventException;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.spend.WhenFull;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Synchronous mode: what record has answered is committed in the inbox, and gets into the books once, whoever dies. */
@LlmDbTest
class InboxTest {

    private static final World WORLD = new World(100);
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final DeliveryPolicy SYNCHRONOUS =
            DeliveryPolicy.synchronous().withWriter(1_000, SHORT, Recorders.DEADLINE);
    private static final DeliveryPolicy CLOSED_EARLY = SYNCHRONOUS.withWriter(1_000, SHORT, Duration.ofMillis(1));

    private static List<SpendEvent> events(TestDatabase database, int count) {
        return new Traffic(WORLD, Recorders.now(database).minusSeconds(count / 50 + 60), 100)
                .stream(0).take(count);
    }

    /** Nothing is booked until this is closed. */
    private static Connection heldBooks(TestDatabase database) throws SQLException {
        return held(database, "LLM_VerificationToken");
    }

    private static Connection held(TestDatabase database, String table) throws SQLException {
        Connection connection = database.dataSource().getConnection();
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("LOCK TABLE \"" + database.schema() + "\".\"" + table + "\"");
        }
        return connection;
    }

    /** Leaves events in the inbox, as an instance does that is closed before it could book them. */
    private static void leave(TestDatabase database, BookingPolicy booking, List<SpendEvent> events) throws Exception {
        try (Connection held = heldBooks(database)) {
            try (SpendRecorder recorder = Recorders.open(database, booking, CLOSED_EARLY)) {
                events.parallelStream().forEach(recorder::record);
            }
            assertThat(held.isValid(30)).isTrue();
            // Else what its writers were at would be booked as soon as it can be.
            database.terminateConnections();
        }
        assertThat(database.count("LLM_SpendInbox")).isEqualTo(events.size());
        assertThat(database.count("LLM_SpendLogs")).isZero();
    }

    private static void makeDue(TestDatabase database) {
        database.execute("UPDATE ${llmdb}.\"LLM_SpendInbox\" SET adopt_at = ${llmdb}.llmdb_now()");
    }

    private static void awaitEmpty(TestDatabase database) {
        Await.until("the inbox is empty", Recorders.DEADLINE, () -> database.count("LLM_SpendInbox") == 0);
    }

    @Test
    void whatIsAnsweredStandsInTheInboxUntilItIsBooked(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 140);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, SYNCHRONOUS)) {
            try (Connection held = heldBooks(database)) {
                for (int i = 0; i < 20; i++) {
                    recorder.record(events.get(i));
                    assertThat(database.count("LLM_SpendInbox")).isEqualTo(i + 1);
                }
                CompletableFuture<Boolean> isThere = recorder.recordAsync(events.get(20))
                        .thenApply(nothing -> database.count("LLM_SpendInbox") == 21);
                assertThat(isThere.get(60, TimeUnit.SECONDS)).isTrue();
                List<CompletableFuture<Void>> answers = events.subList(21, 140).stream()
                        .map(recorder::recordAsync)
                        .toList();
                CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
                        .get(60, TimeUnit.SECONDS);
                assertThat(database.count("LLM_SpendInbox")).isEqualTo(140);
                assertThat(database.count("LLM_SpendLogs")).isZero();
                assertThat(recorder.metrics().backlogRows()).isEqualTo(140);
                held.rollback();
            }
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(database.count("LLM_SpendInbox")).isZero();
            recorder.record(events.get(3));
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().repeated()).isEqualTo(1);
            assertThat(recorder.metrics().failedBatches()).isZero();
        }
        assertThat(database.count("LLM_SpendInbox")).isZero();
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadLetters();
    }

    /** A booking that has deleted the row and is held up behind that holds up nobody who offers the event again. */
    @Test
    void whoOffersAgainDoesNotWaitForABooking(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 3);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, SYNCHRONOUS);
                Connection held = heldBooks(database);
                Connection booking = database.dataSource().getConnection();
                Statement statement = booking.createStatement()) {
            recorder.record(events.get(0));
            booking.setAutoCommit(false);
            assertThat(statement.executeUpdate("DELETE FROM \"" + database.schema() + "\".\"LLM_SpendInbox\""))
                    .isEqualTo(1);
            recorder.recordAsync(events.get(0)).get(10, TimeUnit.SECONDS);
            CompletableFuture.allOf(events.stream().map(recorder::recordAsync).toArray(CompletableFuture[]::new))
                    .get(10, TimeUnit.SECONDS);
            booking.rollback();
            held.rollback();
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
        }
        awaitEmpty(database);
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadLetters();
    }

    /** Whoever still waits when time runs out is told, also where nothing is heard of the database. */
    @Test
    void whoWaitsForASilentDatabaseIsToldAtTheClose(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 2);
        SpendRecorder recorder = Recorders.open(database, Recorders.ALL, CLOSED_EARLY);
        try (Connection held = held(database, "LLM_SpendInbox")) {
            List<CompletableFuture<Void>> answers =
                    events.stream().map(recorder::recordAsync).toList();
            recorder.close();
            for (CompletableFuture<Void> answer : answers) {
                assertThatThrownBy(() -> answer.get(10, TimeUnit.SECONDS))
                        .hasCauseInstanceOf(DatabaseUnavailableException.class);
            }
            held.rollback();
        }
    }

    @Test
    void whatAKilledProcessHadAcceptedAnotherOneBooks(TestDatabase database, @TempDir Path directory) throws Exception {
        WORLD.insertInto(database);
        int each = 500;
        Instant start = Recorders.now(database).minusSeconds(3_600);
        try (Connection held = heldBooks(database)) {
            try (ChildJvm child = ChildJvm.of(Feeder.class)
                    .arguments(
                            database.jdbcUrl(),
                            database.user(),
                            database.password(),
                            database.schema(),
                            DeliveryMode.SYNCHRONOUS,
                            directory,
                            0,
                            1,
                            4,
                            each,
                            WORLD.keys(),
                            start,
                            0,
                            5_000)
                    .jvmOptions("-Xmx128m", "-XX:TieredStopAtLevel=1")
                    .start()) {
                child.awaitLine("all handed over", Recorders.DEADLINE);
                child.kill();
            }
            assertThat(database.count("LLM_SpendInbox")).isEqualTo(4L * each);
            held.rollback();
        }
        assertThat(database.count("LLM_SpendLogs")).isZero();
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.memory())) {
            makeDue(database);
            awaitEmpty(database);
            assertThat(recorder.metrics().adopted()).isEqualTo(4L * each);
            // The inbox is seen empty a moment before the writer hears of its commit.
            Await.until(
                    "all is booked",
                    Recorders.DEADLINE,
                    () -> recorder.metrics().booked() == 4L * each);
        }
        assertThat(Traffic.logged(database)).isEqualTo(new Traffic(WORLD, start, 100).sums(4, each));
        assertThat(database.books()).agree().haveRequests(4L * each).haveNoDeadlock();
    }

    /** The row is committed, its caller does not hear of it, and offers the event again. */
    @Test
    void anAnswerThatIsLost(TestDatabase database, TcpProxy proxy) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 3);
        try (SpendRecorder recorder = Recorders.open(proxy, database, SYNCHRONOUS)) {
            recorder.record(events.get(0));
            CompletableFuture<Void> lost;
            try (Connection inbox = held(database, "LLM_SpendInbox")) {
                lost = CompletableFuture.runAsync(() -> recorder.record(events.get(1)));
                Await.until(
                        "the server is at it",
                        Recorders.DEADLINE,
                        () -> database.value(
                                        Long.class,
                                        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%Inbox%'")
                                == 1);
                proxy.blackHole();
                inbox.rollback();
            }
            Await.until("it is committed", Recorders.DEADLINE, () -> database.count("LLM_SpendInbox") > 0);
            assertThat(lost).isNotDone();
            proxy.cutAll();
            assertThatThrownBy(lost::join).hasCauseInstanceOf(DatabaseUnavailableException.class);
            Recorders.away(proxy);
            proxy.heal();
            Recorders.away(proxy);
            assertThatThrownBy(() -> recorder.record(events.get(2))).isInstanceOf(DatabaseUnavailableException.class);
            proxy.heal();
            recorder.record(events.get(1));
            recorder.record(events.get(2));
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().accepted()).isEqualTo(3);
        }
        assertThat(database.count("LLM_SpendInbox")).isZero();
        assertThat(database.books()).agree().holdExactly(events);
    }

    /** Two instances are offered the same by many callers at once, some of it twice. */
    @Test
    void manyCallersAtOnce(TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 3_000);
        try (SpendRecorder one = Recorders.open(database, Recorders.ALL, SYNCHRONOUS);
                SpendRecorder other = Recorders.open(database, Recorders.ALL, SYNCHRONOUS)) {
            List<CompletableFuture<Void>> callers = new ArrayList<>();
            for (int caller = 0; caller < 16; caller++) {
                int from = caller;
                callers.add(CompletableFuture.runAsync(
                        () -> {
                            for (int i = from; i < events.size(); i += 8) {
                                one.record(events.get(i));
                                if (i % 3 == 0) {
                                    other.record(events.get(i));
                                }
                            }
                        },
                        task -> new Thread(task).start()));
            }
            callers.forEach(CompletableFuture::join);
            assertThat(one.flush(Recorders.DEADLINE)).isTrue();
            assertThat(other.flush(Recorders.DEADLINE)).isTrue();
            assertThat(one.metrics().booked() + other.metrics().booked()).isEqualTo(3_000);
            makeDue(database);
        }
        try (SpendRecorder rest = Recorders.open(database, Recorders.ALL, Recorders.memory())) {
            // Where both were at a row at once, it may be left to whoever looks next.
            awaitEmpty(database);
            assertThat(rest.metrics().booked()).isZero();
        }
        assertThat(database.books())
                .agree()
                .holdExactly(events)
                .haveNoDeadLetters()
                .haveNoDeadlock();
    }

    @Test
    void whatTwoAdoptAtOnceIsBookedOnce(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 2_500);
        leave(database, Recorders.ALL, events);
        makeDue(database);
        SpendRecorder one = null;
        SpendRecorder other = null;
        // Before either has touched a row of the inbox.
        try (Connection held = held(database, "LLM_SpendLogs")) {
            one = Recorders.open(database, Recorders.ALL, Recorders.memory());
            SpendRecorder first = one;
            Await.until(
                    "one is at it", Recorders.DEADLINE, () -> first.metrics().adopted() > 0);
            makeDue(database);
            other = Recorders.open(database, Recorders.ALL, Recorders.booked());
            SpendRecorder second = other;
            Await.until(
                    "the other is too",
                    Recorders.DEADLINE,
                    () -> second.metrics().adopted() > 0);
            held.rollback();
        }
        try {
            awaitEmpty(database);
            assertThat(one.metrics().adopted() + other.metrics().adopted()).isGreaterThan(2_500);
        } finally {
            one.close();
            other.close();
        }
        assertThat(one.metrics().booked() + other.metrics().booked()).isEqualTo(2_500);
        assertThat(database.books())
                .agree()
                .holdExactly(events)
                .haveNoDeadLetters()
                .haveNoDeadlock();
    }

    @Test
    void aRowThatCannotBeReadHoldsUpNobody(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 50);
        leave(database, Recorders.ALL, events);
        database.execute("""
                UPDATE ${llmdb}."LLM_SpendInbox" SET event = substring(event FROM 1 FOR 40)
                WHERE id = '%1$s';
                INSERT INTO ${llmdb}."LLM_SpendInbox" (id, event)
                VALUES ('00000000-0000-7000-8000-000000000000', '\\x02'), ('00000000-0000-7000-8000-000000000001', '')
                """.formatted(events.get(7).id()));
        makeDue(database);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.memory())) {
            Await.until("the others are booked", Recorders.DEADLINE, () -> database.count("LLM_SpendLogs") == 49);
            Await.until(
                    "it is counted",
                    Recorders.DEADLINE,
                    () -> recorder.metrics().setAside() == 3);
        }
        assertThat(database.count("LLM_SpendInbox")).isEqualTo(3);
        List<SpendEvent> sound = new ArrayList<>(events);
        sound.remove(7);
        assertThat(database.books()).agree().holdExactly(sound).haveNoDeadLetters();
    }

    @Test
    void theBoundsHold(TestDatabase database, @TempDir Path directory) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 350);
        for (WhenFull full : WhenFull.values()) {
            DeliveryPolicy policy = DeliveryPolicy.journal(directory)
                    .withMode(DeliveryMode.SYNCHRONOUS)
                    .withFull(full, SHORT)
                    .withBounds(100, 1 << 20, 1 << 20)
                    .withWriter(50, SHORT, Recorders.DEADLINE);
            int from = 100 * full.ordinal();
            try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, policy);
                    Connection held = heldBooks(database)) {
                events.subList(from, from + 100).forEach(recorder::record);
                if (full == WhenFull.SPILL) {
                    events.subList(300, 350).forEach(recorder::record);
                    assertThat(recorder.metrics().spilled()).isEqualTo(50);
                } else {
                    SpendEvent event = events.get(from + 100);
                    assertThatThrownBy(() -> recorder.record(event)).isInstanceOf(BacklogFullException.class);
                    assertThat(recorder.metrics().refused()).isEqualTo(1);
                    assertThat(recorder.metrics().blocked()).isEqualTo(full == WhenFull.BLOCK ? 1 : 0);
                }
                assertThat(database.count("LLM_SpendInbox")).isEqualTo(100);
                held.rollback();
                assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            }
        }
        assertThat(database.count("LLM_SpendInbox")).isZero();
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void closedWithoutTheDatabaseItLeavesTheRestToTheNextStart(TestDatabase database, TcpProxy proxy) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 60);
        try (Connection held = heldBooks(database)) {
            try (SpendRecorder recorder = Recorders.open(proxy, database, CLOSED_EARLY)) {
                events.forEach(recorder::record);
                Recorders.away(proxy);
            }
            held.rollback();
        }
        proxy.heal();
        assertThat(database.count("LLM_SpendInbox")).isEqualTo(60);
        makeDue(database);
        try (SpendRecorder recorder = Recorders.open(proxy, database, SYNCHRONOUS)) {
            awaitEmpty(database);
            assertThat(recorder.metrics().adopted()).isEqualTo(60);
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    /** Whoever records one after the other has them booked together, and is answered meanwhile. */
    @Test
    void theWriterRestsWhereNobodyWaitsForIt(TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 400);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, SYNCHRONOUS)) {
            long start = System.nanoTime();
            events.forEach(recorder::record);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            // Each but the last is followed by a rest of 10 ms, of which a wake-up in vain may spoil some.
            assertThat(recorder.metrics().batches()).isLessThan(millis / 5 + 3);
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void promptsThatAreNotKeptDoNotStandThere(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        SpendEvent event = events(database, 1).get(0).toBuilder()
                .messages("[\"what I asked\"]")
                .response("{\"answer\": \"what it said\"}")
                .build();
        BookingPolicy withoutPrompts =
                new BookingPolicy(true, true, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
        leave(database, withoutPrompts, List.of(event));
        assertThat(database.value(String.class, "SELECT encode(event, 'escape') FROM ${llmdb}.\"LLM_SpendInbox\""))
                .contains(event.keyHash())
                .doesNotContain("what I asked", "what it said");
        makeDue(database);
        try (SpendRecorder recorder = Recorders.open(database, withoutPrompts, SYNCHRONOUS)) {
            awaitEmpty(database);
            // It is known as the event that it was.
            recorder.record(event);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().repeated()).isEqualTo(1);
        }
        assertThat(database.books()).agree().haveRequests(1).haveNoDeadLetters();
        assertThat(database.count("LLM_SpendInbox")).isZero();
    }

    @Test
    void anotherContentUnderTheSameIdIsRefused(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        SpendEvent event = events(database, 1).get(0);
        SpendEvent other = event.toBuilder().cost(new BigDecimal("17")).build();
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, SYNCHRONOUS)) {
            try (Connection held = heldBooks(database)) {
                recorder.record(event);
                recorder.record(event);
                assertThatThrownBy(() -> recorder.record(other)).isInstanceOf(ContradictingEventException.class);
                held.rollback();
            }
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(database.books()).agree().holdExactly(List.of(event)).haveNoDeadLetters();
            // Nobody is there to be told once the first is in the books.
            recorder.record(other);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().contradicting()).isEqualTo(1);
            assertThat(recorder.deadLetters().count()).isEqualTo(1);
        }
        assertThat(database.count("LLM_SpendInbox")).isZero();
        assertThat(database.books()).agree().holdExactly(List.of(event));
    }

    @Test
    void whatTheDatabaseRefusesAsMovedTheHeirTakes() throws Exception {
        try (TestDatabase moved = PostgresServer.shared().newDatabase("llmdb");
                TestDatabase fresh = PostgresServer.shared().newDatabase("llmdb")) {
            WORLD.insertInto(moved);
            WORLD.insertInto(fresh);
            List<SpendEvent> events = events(fresh, 60);
            try (SpendRecorder heir = Recorders.open(fresh, Recorders.ALL, SYNCHRONOUS);
                    SpendRecorder old = Recorders.open(moved, Recorders.ALL, SYNCHRONOUS)) {
                Recorders.refuseAsMoved(moved, "BEFORE INSERT ON ${llmdb}.\"LLM_SpendLogs\" FOR EACH ROW");
                // These are in the old inbox and wait for somebody to take them.
                events.subList(0, 20).forEach(old::record);
                Recorders.refuseAsMoved(
                        moved, "BEFORE INSERT OR UPDATE OR DELETE ON ${llmdb}.\"LLM_SpendInbox\" FOR EACH STATEMENT");
                assertThatThrownBy(() -> old.record(events.get(30)))
                        .isInstanceOf(io.llmdb.error.DatabaseMovedException.class);
                old.handOver(heir);
                events.subList(20, 40).forEach(old::record);
                CompletableFuture.allOf(events.subList(40, 60).stream()
                                .map(old::recordAsync)
                                .toArray(CompletableFuture[]::new))
                        .get(60, TimeUnit.SECONDS);
                assertThat(old.flush(Recorders.DEADLINE)).isTrue();
                assertThat(heir.flush(Recorders.DEADLINE)).isTrue();
            }
            assertThat(fresh.books()).agree().holdExactly(events);
            assertThat(fresh.count("LLM_SpendInbox")).isZero();
        }
    }
}
