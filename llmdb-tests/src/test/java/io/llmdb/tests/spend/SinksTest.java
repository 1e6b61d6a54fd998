package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.PageRequest;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeadLetter;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendBatch;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendLogSink;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.CommitFault;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.RecordingSink;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Sinks of the proxy's own never decide whether spend counts, however they fail. */
@LlmDbTest
class SinksTest {

    private static final World WORLD = new World(20);

    private static SpendRecorder open(
            TestDatabase database, BookingPolicy booking, DeliveryPolicy delivery, SpendLogSink... sinks) {
        return Recorders.open(
                Recorders.pool(database, database.dataSource()), database.schema(), booking, delivery, List.of(sinks));
    }

    /** How a sink in the transaction may fail. */
    enum Failing {
        OF_ITS_OWN {
            @Override
            void fail(SpendBatch batch) {
                throw new IllegalStateException("Made up");
            }
        },
        WITHOUT_A_STATE {
            @Override
            void fail(SpendBatch batch) throws SQLException {
                throw new SQLException("Made up");
            }
        },
        BY_A_CONSTRAINT {
            @Override
            void fail(SpendBatch batch) throws SQLException {
                insert(batch.events().get(0).id().toString(), batch);
                insert(batch.events().get(0).id().toString(), batch);
            }
        },
        BY_A_BAD_VALUE {
            @Override
            void fail(SpendBatch batch) throws SQLException {
                insert("no id", batch);
            }
        },
        BY_AN_INTERRUPT {
            @Override
            void fail(SpendBatch batch) throws SQLException {
                Thread.currentThread().interrupt();
                throw new SQLException("Made up");
            }
        },
        BY_AN_ERROR {
            @Override
            void fail(SpendBatch batch) {
                throw new NoClassDefFoundError("Made up");
            }
        };

        abstract void fail(SpendBatch batch) throws SQLException;

        private static void insert(String id, SpendBatch batch) throws SQLException {
            try (PreparedStatement statement =
                    batch.transaction().orElseThrow().prepareStatement("INSERT INTO public.seen VALUES (?::uuid)")) {
                statement.setString(1, id);
                statement.executeUpdate();
            }
        }
    }

    /** Keeps ids in a table of its own, in the transaction that books; fails for a while. */
    private static final class Keeping implements SpendLogSink {
        private final Failing failing;
        private final AtomicInteger failures = new AtomicInteger();
        private final AtomicInteger inside = new AtomicInteger();
        private final AtomicBoolean together = new AtomicBoolean();
        private final AtomicBoolean closed = new AtomicBoolean();
        private volatile boolean mended;

        private Keeping(Failing failing) {
            this.failing = failing;
        }

        @Override
        public Phase phase() {
            return Phase.IN_TRANSACTION;
        }

        @Override
        public void write(SpendBatch batch) throws SQLException {
            together.compareAndSet(false, inside.incrementAndGet() > 1);
            try {
                if (!mended) {
                    failures.incrementAndGet();
                    failing.fail(batch);
                }
                for (SpendEvent event : batch.events()) {
                    Failing.insert(event.id().toString(), batch);
                }
            } finally {
                inside.decrementAndGet();
            }
        }

        @Override
        public void close() {
            closed.set(true);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatASinkInTheTransactionRefusesWaitsForIt(Failing failing, TestDatabase database) {
        WORLD.insertInto(database);
        database.execute("CREATE TABLE public.seen (id uuid PRIMARY KEY)");
        List<SpendEvent> requests = WORLD.requests(database, 300, 1);
        Keeping sink = new Keeping(failing);
        DeliveryPolicy small = Recorders.memory().withWriter(40, Duration.ofMillis(10), Recorders.DEADLINE);
        try (SpendRecorder recorder = open(database, Recorders.ALL, small, sink)) {
            requests.forEach(recorder::record);
            // More often than what nobody can explain is tried before it is looked for among the events.
            Await.until("it failed again and again", Recorders.DEADLINE, () -> sink.failures.get() > 8);
            assertThat(database.count("LLM_SpendLogs")).isZero();
            sink.mended = true;
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().deadLetters()).isZero();
        }
        assertThat(sink.closed).isTrue();
        assertThat(sink.together).isFalse();
        assertThat(database.value(Long.class, "SELECT count(*) FROM public.seen"))
                .isEqualTo(300);
        assertThat(database.books()).agree().holdExactly(requests).haveNoDeadlock();
    }

    @Test
    void aSinkBehindTheCommitGetsWhatWasCommittedWithoutAnAnswer(TestDatabase database, TcpProxy proxy) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 200, 6);
        RecordingSink sink = RecordingSink.afterCommit();
        proxy.breakCommitsAtRandom(CommitFault.ANSWER_LOST, 3, 11);
        try (SpendRecorder recorder = Recorders.open(
                Recorders.pool(database, proxy.dataSource()),
                database.schema(),
                Recorders.ALL,
                Recorders.memory().withWriter(40, Duration.ofMillis(10), Recorders.DEADLINE),
                List.of(sink))) {
            Recorders.book(recorder, requests);
            assertThat(recorder.metrics().booked()).isEqualTo(200);
            assertThat(recorder.metrics().repeated()).isZero();
        }
        assertThat(proxy.brokenCommits(CommitFault.ANSWER_LOST)).isPositive();
        assertThat(sink.events()).containsExactlyInAnyOrderElementsOf(requests);
        assertThat(database.books()).agree().holdExactly(requests);
    }

    @Test
    void anErrorInASinkEndsNeitherTheSinkNorTheClose(TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 50, 2);
        AtomicInteger calls = new AtomicInteger();
        RecordingSink other = RecordingSink.afterCommit();
        SpendLogSink broken = new SpendLogSink() {
            @Override
            public void write(SpendBatch batch) {
                calls.incrementAndGet();
                throw new NoClassDefFoundError("Made up");
            }

            @Override
            public void close() {
                throw new IllegalStateException("Made up");
            }
        };
        SpendRecorder recorder = open(database, Recorders.ALL, Recorders.booked(), broken, other);
        Recorders.book(recorder, requests);
        recorder.close();

        assertThat(calls).hasValue(50);
        assertThat(other.events()).containsExactlyInAnyOrderElementsOf(requests);
        assertThat(other.isClosed()).isTrue();
    }

    /** What is not kept makes no event bad, and is not written down where an event is set aside either. */
    @Test
    void promptsThatAreNotKeptAreNeitherLookedAtNorSetAside(TestDatabase database) {
        WORLD.insertInto(database);
        BookingPolicy withoutPrompts =
                new BookingPolicy(true, true, true, false, Recorders.ALL.calendar(), false, null, null, null);
        List<SpendEvent> good = WORLD.requests(database, 99, 3).stream()
                .map(event ->
                        event.toBuilder().messages("{\"no JSON\": \\u0000").build())
                .toList();
        SpendEvent bad = WORLD.requests(database, 1, 4).get(0).toBuilder()
                .endUser("a\0b")
                .messages("[\"what nobody may read\"]")
                .build();
        List<SpendEvent> all = new ArrayList<>(good);
        all.add(50, bad);
        try (SpendRecorder recorder = open(database, withoutPrompts, Recorders.memory())) {
            Recorders.book(recorder, all);
            assertThat(recorder.metrics().booked()).isEqualTo(99);
            assertThat(recorder.metrics().deadLetters()).isEqualTo(1);

            byte[] kept = database.value(byte[].class, "SELECT event FROM ${llmdb}.\"LLM_DeadLetter\"");
            assertThat(new String(kept, StandardCharsets.ISO_8859_1)).doesNotContain("nobody may read");
            DeadLetter letter =
                    recorder.deadLetters().list(PageRequest.first(10)).items().get(0);
            assertThat(letter.event()).isEqualTo(bad);
            assertThat(letter.event().messages()).isNull();
            recorder.deadLetters()
                    .replay(
                            letter.id(),
                            event -> event.toBuilder().endUser("ab").build());
            assertThat(database.count("LLM_SpendLogs")).isEqualTo(100);
        }
    }

    /** The reservation stays, so that nobody spends it while the call is not booked yet. */
    @ParameterizedTest
    @EnumSource
    void aCallThatCouldNotBeSettledStaysReservedBehindItsClose(Failing failing, TestDatabase database) {
        database.execute("CREATE TABLE public.seen (id uuid PRIMARY KEY)");
        Keeping sink = new Keeping(failing);
        sink.mended = true;
        try (LlmDb db = LlmDb.builder(database.settings()
                        .delivery(delivery -> delivery.mode(DeliveryMode.BOOKED))
                        .build())
                .sink(sink)
                .open()) {
            io.llmdb.testkit.World world = io.llmdb.testkit.World.company(db);
            BigDecimal price = new BigDecimal("0.01");
            Admission admission = db.budgets()
                    .admit(db.authenticate(world.rawKey()), Call.of("gpt-4o").withEstimate(price));
            SpendEvent event = admission.event().cost(price).tokens(1, 1).build();
            sink.mended = false;
            try (admission) {
                assertThatThrownBy(() -> admission.settle(event)).isInstanceOf(DatabaseFailureException.class);
            }
            assertThat(db.budgets().openAdmissions()).isEqualTo(1);
            sink.mended = true;
            admission.settle(event);
            assertThat(db.budgets().openAdmissions()).isZero();
        }
        assertThat(database.books()).agree().haveRequests(1).reserveNothing();
    }

    /** An old server may be shut down as soon as it has said that the database has moved. */
    @ParameterizedTest
    @EnumSource(
            value = DeliveryMode.class,
            names = {"MEMORY", "BOOKED", "SYNCHRONOUS"})
    void theHeirTakesWhatAnOldServerNoLongerAnswersTo(DeliveryMode mode) throws Exception {
        DeliveryPolicy policy = DeliveryPolicy.booked().withMode(mode);
        try (TestDatabase moved = PostgresServer.shared().newDatabase("llmdb");
                TestDatabase fresh = PostgresServer.shared().newDatabase("llmdb");
                TcpProxy proxy = TcpProxy.to(moved)) {
            WORLD.insertInto(moved);
            WORLD.insertInto(fresh);
            Recorders.refuseAsMoved(
                    moved,
                    "BEFORE INSERT ON ${llmdb}.\"LLM_SpendLogs\" FOR EACH ROW",
                    "BEFORE INSERT ON ${llmdb}.\"LLM_SpendInbox\" FOR EACH ROW");
            List<SpendEvent> events = WORLD.requests(fresh, 40, 5);
            try (SpendRecorder heir = Recorders.open(fresh, Recorders.ALL, policy);
                    SpendRecorder old = Recorders.open(proxy, moved, policy)) {
                old.handOver(heir);
                events.subList(0, 10).forEach(old::record);
                assertThat(old.flush(Recorders.DEADLINE)).isTrue();
                Recorders.away(proxy);
                // Together, because each batch waits for a connection that does not come.
                CompletableFuture.allOf(events.subList(10, 40).stream()
                                .map(old::recordAsync)
                                .toArray(CompletableFuture[]::new))
                        .get(60, TimeUnit.SECONDS);
                assertThat(old.flush(Recorders.DEADLINE)).isTrue();
                assertThat(heir.flush(Recorders.DEADLINE)).isTrue();
            }
            assertThat(fresh.books()).agree().holdExactly(events);
        }
    }
}
