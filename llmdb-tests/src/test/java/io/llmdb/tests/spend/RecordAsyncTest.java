package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.spend.BacklogFullException;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.EventRefusedException;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.spend.WhenFull;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a future of recordAsync says is so, in each mode, and nobody waits for what he need not. */
@LlmDbTest
class RecordAsyncTest {

    private static final World WORLD = new World(100);
    private static final long SECONDS = Recorders.DEADLINE.toSeconds();

    private static List<SpendEvent> events(TestDatabase database, int count) {
        return new Traffic(WORLD, Recorders.now(database).minusSeconds(count / 50 + 60), 100)
                .stream(0).take(count);
    }

    private static void join(List<CompletableFuture<Void>> answers) throws Exception {
        CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).get(SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void inJournalModeOneThreadHasThousandsOnTheirWay(TestDatabase database, TcpProxy proxy, @TempDir Path directory)
            throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 3_000);
        Recorders.away(proxy);
        DeliveryPolicy policy = DeliveryPolicy.journal(directory)
                .withBounds(500, 1 << 20, 64 << 20)
                .withWriter(1_000, Duration.ofMillis(50), Duration.ofMillis(100));
        try (SpendRecorder recorder = Recorders.open(proxy, database, policy)) {
            // Callers who wait share syncs with such who do not.
            CompletableFuture<Void> waiting = CompletableFuture.runAsync(
                    () -> events.subList(0, 500).parallelStream().forEach(recorder::record));
            List<CompletableFuture<Void>> answers = events.subList(500, 3_000).stream()
                    .map(recorder::recordAsync)
                    .toList();
            join(answers);
            waiting.get(SECONDS, TimeUnit.SECONDS);
            assertThat(recorder.metrics().accepted()).isEqualTo(3_000);
        }
        assertThat(database.count("LLM_SpendLogs")).isZero();
        proxy.heal();
        try (SpendRecorder recorder =
                Recorders.open(proxy, database, policy.withWriter(1_000, Duration.ofMillis(50), Recorders.DEADLINE))) {
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void whatHangsOnAnAnswerMayRecordAndHoldsUpNoOtherCaller(TestDatabase database, @TempDir Path directory)
            throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 60);
        CountDownLatch goOn = new CountDownLatch(1);
        Thread test = Thread.currentThread();
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, DeliveryPolicy.journal(directory))) {
            int first = 0;
            CompletableFuture<Void> held;
            do {
                // Where the answer came first, what hangs on it runs here at once and shows nothing: once more.
                held = recorder.recordAsync(events.get(first++)).thenRun(() -> {
                    if (Thread.currentThread() != test) {
                        recorder.record(events.get(59));
                        await(goOn);
                    }
                });
            } while (held.isDone() && first < 20);
            events.subList(first, 39).forEach(recorder::record);
            List<CompletableFuture<Void>> behind =
                    events.subList(39, 59).stream().map(recorder::recordAsync).toList();
            assertThat(held).isNotDone();
            goOn.countDown();
            join(behind);
            held.get(SECONDS, TimeUnit.SECONDS);
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void inBookedModeTheAnswerMeansBooked(TestDatabase database, TcpProxy proxy) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 301);
        try (SpendRecorder recorder = Recorders.open(proxy, database, Recorders.booked())) {
            CompletableFuture<Boolean> isThere =
                    recorder.recordAsync(events.get(0)).thenApply(nothing -> database.count("LLM_SpendLogs") == 1);
            assertThat(isThere.get(SECONDS, TimeUnit.SECONDS)).isTrue();
            join(events.subList(1, 300).stream().map(recorder::recordAsync).toList());
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(300);

            SpendEvent bad = events.get(300).toBuilder().requestId("a\0b").build();
            assertThat(failureOf(recorder.recordAsync(bad))).isInstanceOf(EventRefusedException.class);
            SpendEvent early = SpendEvent.builder(Recorders.now(database).plusSeconds(3_600))
                    .build();
            assertThat(failureOf(recorder.recordAsync(early)))
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("startTime");
            Recorders.away(proxy);
            assertThat(failureOf(recorder.recordAsync(events.get(300))))
                    .isInstanceOf(DatabaseUnavailableException.class);
            proxy.heal();
            recorder.recordAsync(events.get(300)).get(SECONDS, TimeUnit.SECONDS);
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void atTheBoundTheAnswerIsARefusal(TestDatabase database, TcpProxy proxy, @TempDir Path directory)
            throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 150);
        Recorders.away(proxy);
        DeliveryPolicy refusing = Recorders.memory()
                .withFull(WhenFull.REFUSE, Duration.ZERO)
                .withBounds(100, 1 << 20, 1 << 20)
                .withWriter(50, Duration.ofMillis(50), Recorders.DEADLINE);
        try (SpendRecorder recorder = Recorders.open(proxy, database, refusing)) {
            join(events.subList(0, 100).stream().map(recorder::recordAsync).toList());
            assertThat(failureOf(recorder.recordAsync(events.get(100)))).isInstanceOf(BacklogFullException.class);
            assertThat(recorder.metrics().accepted()).isEqualTo(100);
            assertThat(recorder.metrics().refused()).isEqualTo(1);
            proxy.heal();
        }
        Recorders.away(proxy);
        DeliveryPolicy spilling = DeliveryPolicy.journal(directory)
                .withMode(DeliveryMode.MEMORY)
                .withFull(WhenFull.SPILL, Duration.ZERO)
                .withBounds(20, 1 << 20, 64 << 20)
                .withWriter(50, Duration.ofMillis(50), Recorders.DEADLINE);
        try (SpendRecorder recorder = Recorders.open(proxy, database, spilling)) {
            join(events.subList(100, 150).stream().map(recorder::recordAsync).toList());
            assertThat(recorder.metrics().spilled()).isEqualTo(30);
            proxy.heal();
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    /** Whoever was answered that it is safe finds it; nobody is left without an answer. */
    @Test
    void closedWhileManyRecord(TestDatabase database, TcpProxy proxy, @TempDir Path directory) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 4_000);
        Recorders.away(proxy);
        List<SpendEvent> safe = new ArrayList<>();
        DeliveryPolicy policy =
                DeliveryPolicy.journal(directory).withWriter(1_000, Duration.ofMillis(50), Duration.ofMillis(1));
        for (int round = 0; round < 20; round++) {
            List<SpendEvent> mine = events.subList(200 * round, 200 * (round + 1));
            SpendRecorder recorder = Recorders.open(proxy, database, policy);
            CountDownLatch some = new CountDownLatch(20);
            CompletableFuture<List<CompletableFuture<Void>>> recording =
                    CompletableFuture.supplyAsync(() -> mine.stream()
                            .map(event -> {
                                some.countDown();
                                return recorder.recordAsync(event);
                            })
                            .toList());
            CompletableFuture<Void> waiting = CompletableFuture.runAsync(() -> {
                await(some);
                mine.subList(0, 20).forEach(recorder::record);
            });
            await(some);
            recorder.close();
            List<CompletableFuture<Void>> answers = recording.get(SECONDS, TimeUnit.SECONDS);
            for (int i = 0; i < answers.size(); i++) {
                Throwable failure = failureOrNull(answers.get(i));
                if (failure == null) {
                    safe.add(mine.get(i));
                } else {
                    assertThat(failure).isInstanceOf(IllegalStateException.class);
                }
            }
            assertThat(waiting.handle((nothing, failure) -> true)).succeedsWithin(Recorders.DEADLINE);
        }
        proxy.heal();
        try (SpendRecorder recorder =
                Recorders.open(proxy, database, policy.withWriter(1_000, Duration.ofMillis(50), Recorders.DEADLINE))) {
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
        }
        // Of the twenty of a round that are awaited the last may have come after the close.
        assertThat(safe).hasSizeGreaterThanOrEqualTo(20 * 19);
        Set<UUID> booked = database.rows("SELECT id FROM ${llmdb}.\"LLM_SpendLogs\"").stream()
                .map(row -> (UUID) row.get("id"))
                .collect(Collectors.toSet());
        assertThat(booked).containsAll(safe.stream().map(SpendEvent::id).toList());
        assertThat(database.books()).agree();
    }

    private static @Nullable Throwable failureOrNull(CompletableFuture<Void> answer) throws Exception {
        return answer.handle((nothing, failure) -> Optional.ofNullable(failure))
                .get(SECONDS, TimeUnit.SECONDS)
                .orElse(null);
    }

    /** The old side's recorder is closed before the new side has committed. */
    @Test
    void whatIsHandedOverIsAnsweredThoughTheOldRecorderIsClosed() throws Exception {
        try (TestDatabase moved = PostgresServer.shared().newDatabase("llmdb");
                TestDatabase fresh = PostgresServer.shared().newDatabase("llmdb")) {
            WORLD.insertInto(moved);
            WORLD.insertInto(fresh);
            Recorders.refuseAsMoved(moved, "BEFORE INSERT ON ${llmdb}.\"LLM_SpendLogs\" FOR EACH ROW");
            List<SpendEvent> events = events(fresh, 50);
            SpendRecorder old = Recorders.open(moved, Recorders.ALL, Recorders.booked());
            try (SpendRecorder heir = Recorders.open(fresh, Recorders.ALL, Recorders.booked());
                    Connection lock = fresh.dataSource().getConnection()) {
                lock.setAutoCommit(false);
                try (Statement statement = lock.createStatement()) {
                    statement.execute("LOCK TABLE \"" + fresh.schema() + "\".\"LLM_VerificationToken\"");
                }
                old.handOver(heir);
                List<CompletableFuture<Void>> answers =
                        events.stream().map(old::recordAsync).toList();
                Await.until(
                        "all are handed over",
                        Recorders.DEADLINE,
                        () -> heir.metrics().accepted() == 50);
                old.close();
                assertThat(answers).noneMatch(CompletableFuture::isDone);
                lock.rollback();
                join(answers);
            }
            assertThat(fresh.books()).agree().holdExactly(events);
        }
    }

    @Test
    void aClosedRecorderAnswersEverybody(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 201);
        SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.booked());
        List<CompletableFuture<Void>> answers =
                events.subList(0, 200).stream().map(recorder::recordAsync).toList();
        recorder.close();
        assertThat(answers).allSatisfy(answer -> assertThat(answer).isCompleted());
        assertThat(failureOf(recorder.recordAsync(events.get(200)))).isInstanceOf(IllegalStateException.class);
        assertThat(database.books()).agree().holdExactly(events.subList(0, 200));
    }

    /** As a stage that hangs on the future sees it: not wrapped. */
    private static Throwable failureOf(CompletableFuture<Void> answer) throws Exception {
        Throwable failure = failureOrNull(answer);
        assertThat(failure).isNotNull();
        assertThatThrownBy(answer::join).hasCause(failure);
        return failure;
    }
}
