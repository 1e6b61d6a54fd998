package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.PageRequest;
import io.llmdb.spend.BacklogFullException;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.spend.WhenFull;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is safe when record returns is safe: without a database, through kills, at every bound. */
@LlmDbTest
class DeliveryTest {

    private static final World WORLD = new World(100);
    private static final Duration SHORT = Duration.ofMillis(50);

    private static List<SpendEvent> events(TestDatabase database, int count) {
        return traffic(database, count).stream(0).take(count);
    }

    private static Traffic traffic(TestDatabase database, int count) {
        return new Traffic(WORLD, Recorders.now(database).minusSeconds(count / 50 + 60), 100);
    }

    @Test
    void theJournalKeepsWhatIsAcceptedWhileThereIsNoDatabase(
            TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 600);
        Recorders.away(proxy);
        DeliveryPolicy policy = DeliveryPolicy.journal(directory)
                .withBounds(50, 1 << 20, 64 << 20)
                .withWriter(200, SHORT, Duration.ofMillis(100));
        try (SpendRecorder recorder = Recorders.open(proxy, database, policy)) {
            events.subList(0, 300).parallelStream().forEach(recorder::record);
            assertThat(recorder.metrics().backlogRows()).isEqualTo(300);
            assertThat(recorder.metrics().backlogBytes()).isLessThan(50 * 3_000);
            assertThat(recorder.metrics().journalBytes()).isPositive();
            Await.until(
                    "the oldest gets older",
                    Recorders.DEADLINE,
                    () -> recorder.metrics().oldestAge().toMillis() > 10);
        }
        assertThat(database.count("LLM_SpendLogs")).isZero();
        try (SpendRecorder recorder =
                Recorders.open(proxy, database, policy.withWriter(200, SHORT, Recorders.DEADLINE))) {
            assertThat(recorder.metrics().backlogRows()).isEqualTo(300);
            events.subList(300, 600).parallelStream().forEach(recorder::record);
            proxy.heal();
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().booked()).isEqualTo(600);
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    /** The writer is at finding the bad event among the others when it has to end. */
    @Test
    void theJournalKeepsTheNeighboursOfABadEventWhenItIsClosedMeanwhile(
            TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        WORLD.insertInto(database);
        List<SpendEvent> events = new ArrayList<>(events(database, 64));
        SpendEvent bad = events.remove(40).toBuilder().requestId("bad").build();
        database.execute("""
                CREATE FUNCTION ${llmdb}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    PERFORM pg_sleep(0.7);
                    RAISE EXCEPTION 'refused';
                END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON ${llmdb}."LLM_SpendLogs" FOR EACH ROW WHEN (NEW.request_id = 'bad')
                    EXECUTE FUNCTION ${llmdb}.refuse()""");
        DeliveryPolicy policy = DeliveryPolicy.journal(directory).withWriter(200, SHORT, Duration.ofMillis(100));
        Recorders.away(proxy);
        try (SpendRecorder recorder = Recorders.open(proxy, database, policy)) {
            events.forEach(recorder::record);
            recorder.record(bad);
            proxy.heal();
            Await.until("it halves", Recorders.DEADLINE, () -> database.count("LLM_SpendLogs") > 0);
            assertThat(database.count("LLM_SpendLogs")).isLessThan(63);
        }
        try (SpendRecorder recorder =
                Recorders.open(proxy, database, policy.withWriter(200, SHORT, Recorders.DEADLINE))) {
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.deadLetters().list(PageRequest.first(10)).items())
                    .extracting(letter -> letter.event().id())
                    .containsExactly(bad.id());
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void whatFindsNoRoomSpillsToTheJournal(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 400);
        Recorders.away(proxy);
        DeliveryPolicy policy = DeliveryPolicy.journal(directory)
                .withMode(DeliveryMode.MEMORY)
                .withFull(WhenFull.SPILL, SHORT)
                .withBounds(100, 1 << 20, 64 << 20)
                .withWriter(50, SHORT, Recorders.DEADLINE);
        try (SpendRecorder recorder = Recorders.open(proxy, database, policy)) {
            events.parallelStream().forEach(recorder::record);
            assertThat(recorder.metrics().spilled()).isEqualTo(300);
            assertThat(recorder.metrics().refused()).isZero();
            assertThat(recorder.metrics().backlogRows()).isEqualTo(400);
            proxy.heal();
        }
        assertThat(database.books()).agree().holdExactly(events);
    }

    @Test
    void atTheBoundCallersWaitOrAreRefusedAndEachIsCounted(TestDatabase database, TcpProxy proxy) {
        WORLD.insertInto(database);
        List<SpendEvent> events = events(database, 200);
        Recorders.away(proxy);
        for (WhenFull full : List.of(WhenFull.REFUSE, WhenFull.BLOCK)) {
            DeliveryPolicy policy = Recorders.memory()
                    .withFull(full, SHORT)
                    .withBounds(100, 1 << 20, 1 << 20)
                    .withWriter(50, SHORT, Recorders.DEADLINE);
            try (SpendRecorder recorder = Recorders.open(proxy, database, policy)) {
                events.subList(0, 100).forEach(recorder::record);
                for (int i = 100; i < 103; i++) {
                    SpendEvent event = events.get(i);
                    assertThatThrownBy(() -> recorder.record(event))
                            .isInstanceOf(BacklogFullException.class)
                            .hasMessageContaining("100 events");
                }
                assertThat(recorder.metrics().refused()).isEqualTo(3);
                assertThat(recorder.metrics().blocked()).isEqualTo(full == WhenFull.BLOCK ? 3 : 0);
                assertThat(recorder.metrics().accepted()).isEqualTo(100);
                proxy.heal();
                assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
                Recorders.away(proxy);
            }
        }
        proxy.heal();
        assertThat(database.books()).agree().holdExactly(events.subList(0, 100));
    }

    private static ChildJvm feeder(
            TestDatabase database,
            String url,
            DeliveryMode mode,
            Path directory,
            Instant start,
            int each,
            double perSecond,
            int mostRows,
            String heap) {
        return ChildJvm.of(Feeder.class)
                .arguments(
                        url,
                        database.user(),
                        database.password(),
                        database.schema(),
                        mode,
                        directory,
                        0,
                        1,
                        4,
                        each,
                        WORLD.keys(),
                        start,
                        perSecond,
                        mostRows)
                .jvmOptions(heap, "-XX:TieredStopAtLevel=1")
                .start();
    }

    /** What the writers said they had handed over, as far as they came to say it. */
    private static long said(ChildJvm child) {
        return child.output().stream()
                .filter(line -> line.startsWith("at "))
                .map(line -> line.split(" "))
                .collect(Collectors.groupingBy(
                        words -> words[1], Collectors.reducing(0L, words -> Long.parseLong(words[2]), Math::max)))
                .values()
                .stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    @Test
    void aKillInMemoryModeLosesNoMoreThanTheBound(TestDatabase database, @TempDir Path directory) {
        WORLD.insertInto(database);
        int bound = 500;
        Instant start = Recorders.now(database).minusSeconds(3_600);
        try (ChildJvm child = feeder(
                database, database.jdbcUrl(), DeliveryMode.MEMORY, directory, start, 250_000, 0, bound, "-Xmx128m")) {
            Await.until("much is handed over", Recorders.DEADLINE, () -> said(child) >= 4_000);
            child.kill();
            Await.until(
                    "its sessions are over",
                    Recorders.DEADLINE,
                    () -> database.connections().stream()
                            .noneMatch(session -> session.application().startsWith("PostgreSQL JDBC")));
            long lost = said(child) - database.count("LLM_SpendLogs");
            System.out.println("kill -9 in memory mode: " + said(child) + " said, lost at most " + Math.max(0, lost)
                    + ", the bound is " + bound);
            assertThat(lost).isLessThanOrEqualTo(bound);
        }
        assertThat(database.books()).agree().haveNoDeadlock();
    }

    @Test
    void toldToEndItBooksAllThatItTook(TestDatabase database, @TempDir Path directory) {
        WORLD.insertInto(database);
        Instant start = Recorders.now(database).minusSeconds(3_600);
        for (DeliveryMode mode : DeliveryMode.values()) {
            try (ChildJvm child = feeder(
                    database,
                    database.jdbcUrl(),
                    mode,
                    directory.resolve(mode.name()),
                    start.plusSeconds(mode.ordinal()),
                    250_000,
                    0,
                    5_000,
                    "-Xmx128m")) {
                long before = database.count("LLM_SpendLogs");
                Await.until("it is under way", Recorders.DEADLINE, () -> said(child) >= 1_000);
                child.terminate();
                child.awaitExit(Recorders.DEADLINE);
                String end = child.awaitLine("ended", Duration.ofSeconds(1));
                long booked = database.count("LLM_SpendLogs") - before;
                assertThat(end).contains("backlogRows=0,", "booked=" + booked + ",", "deadLetters=0,");
                assertThat(Long.parseLong(end.replaceAll(".*accepted=([0-9]+),.*", "$1")))
                        .isEqualTo(booked);
            }
        }
        assertThat(database.books()).agree().haveNoDeadlock().haveNoDeadLetters();
    }

    @Test
    void aKilledJournalIsBookedByTheNextStart(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        WORLD.insertInto(database);
        int each = 2_000;
        Instant start = Recorders.now(database).minusSeconds(3_600);
        Recorders.away(proxy);
        try (ChildJvm child =
                feeder(database, proxy.jdbcUrl(), DeliveryMode.JOURNAL, directory, start, each, 0, 1_000, "-Xmx128m")) {
            child.awaitLine("all handed over", Recorders.DEADLINE);
            child.kill();
        }
        assertThat(database.count("LLM_SpendLogs")).isZero();
        proxy.heal();
        try (SpendRecorder recorder = Recorders.open(proxy, database, DeliveryPolicy.journal(directory))) {
            assertThat(recorder.metrics().backlogRows()).isEqualTo(4L * each);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().setAside()).isZero();
        }
        assertThat(Traffic.logged(database)).isEqualTo(new Traffic(WORLD, start, 100).sums(4, each));
        assertThat(database.books()).agree().haveRequests(4L * each);
    }

    @Test
    void anOutageIsOutlastedWithinTheBound(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        outage(database, proxy, directory, Duration.ofSeconds(4), 500);
    }

    /** {@code -Dllmdb.outage.seconds=} and {@code -Dllmdb.outage.rate=} choose how long and how much. */
    @Test
    @Tag("storm")
    void fiveMinutesOfOutage(TestDatabase database, TcpProxy proxy, @TempDir Path directory) {
        outage(
                database,
                proxy,
                directory,
                Duration.ofSeconds(Integer.getInteger("llmdb.outage.seconds", 300)),
                Integer.getInteger("llmdb.outage.rate", 2_000));
    }

    private static void outage(TestDatabase database, TcpProxy proxy, Path directory, Duration time, int rate) {
        WORLD.insertInto(database);
        int each = (int) (rate * (time.toSeconds() + 4) / 4);
        Instant start = Recorders.now(database).minusSeconds(each / 50 + 60);
        int rows = 5_000;
        try (ChildJvm child = feeder(
                database, proxy.jdbcUrl(), DeliveryMode.JOURNAL, directory, start, each, rate, rows, "-Xmx96m")) {
            child.awaitLine("state", Recorders.DEADLINE);
            Recorders.away(proxy);
            long deadline = System.nanoTime() + time.toNanos();
            Await.until("the outage is over", time.plusSeconds(30), () -> System.nanoTime() > deadline);
            proxy.heal();
            assertThat(child.awaitExit(time.plusMinutes(10)))
                    .as("%s", child.output())
                    .isZero();
            Set<String> states = child.output().stream()
                    .filter(line -> line.startsWith("state"))
                    .collect(Collectors.toSet());
            System.out.println(
                    "outage of " + time + " at " + rate + " a second:\n" + String.join("\n", thinned(child.output())));
            assertThat(states).allSatisfy(line -> {
                assertThat(Long.parseLong(line.replaceAll(".* bytes=([0-9]+) .*", "$1")))
                        .isLessThanOrEqualTo(64 << 20);
                // The JVM has 96 MiB, and lives.
                assertThat(Integer.parseInt(line.replaceAll(".*heapMax=([0-9]+)MiB.*", "$1")))
                        .isLessThanOrEqualTo(96);
            });
        }
        assertThat(Traffic.logged(database)).isEqualTo(new Traffic(WORLD, start, 100).sums(4, each));
        assertThat(database.books()).agree().haveRequests(4L * each).haveNoDeadlock();
    }

    private static List<String> thinned(List<String> lines) {
        List<String> states = new ArrayList<>();
        for (String line : lines) {
            if (line.startsWith("state") || line.startsWith("closed")) {
                states.add(line);
            }
        }
        int step = Math.max(1, states.size() / 12);
        List<String> few = new ArrayList<>();
        for (int i = 0; i < states.size(); i += step) {
            few.add(states.get(i));
        }
        few.add(states.get(states.size() - 1));
        return few;
    }
}
