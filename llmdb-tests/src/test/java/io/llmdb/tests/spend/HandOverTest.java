package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A journal forgets what the new side takes when it is as safe there, and not before. */
@LlmDbTest
class HandOverTest {

    private static final World WORLD = new World(100);
    private static final Duration SHORT = Duration.ofMillis(50);

    @TempDir
    private Path directory;

    private DeliveryPolicy journal(String name) {
        return DeliveryPolicy.journal(directory.resolve(name)).withWriter(1_000, SHORT, SHORT);
    }

    private DeliveryPolicy policy(DeliveryMode mode) {
        return mode == DeliveryMode.JOURNAL
                ? journal("heir")
                : DeliveryPolicy.booked().withMode(mode).withWriter(1_000, SHORT, SHORT);
    }

    private static TestDatabase moved() {
        TestDatabase moved = PostgresServer.shared().newDatabase("llmdb");
        WORLD.insertInto(moved);
        Recorders.refuseAsMoved(moved, "BEFORE INSERT ON ${llmdb}.\"LLM_SpendLogs\" FOR EACH ROW");
        return moved;
    }

    @ParameterizedTest
    @EnumSource
    void aJournalGoesToTheNewSide(DeliveryMode mode, TestDatabase fresh) {
        try (TestDatabase moved = moved()) {
            WORLD.insertInto(fresh);
            List<SpendEvent> events = WORLD.requests(fresh, 200, 7);
            try (SpendRecorder heir = Recorders.open(fresh, Recorders.ALL, policy(mode));
                    SpendRecorder old = Recorders.open(moved, Recorders.ALL, journal("old"))) {
                events.subList(0, 100).forEach(old::record);
                old.handOver(heir);
                events.subList(100, 200).forEach(old::record);
                assertThat(old.flush(Recorders.DEADLINE)).isTrue();
                assertThat(heir.flush(Recorders.DEADLINE)).isTrue();
            }
            assertThat(fresh.books()).agree().holdExactly(events);
        }
    }

    @Test
    void whatTheNewSideCannotBookYetStaysInTheJournal(TestDatabase fresh) throws Exception {
        try (TestDatabase moved = moved();
                TcpProxy proxy = TcpProxy.to(fresh)) {
            WORLD.insertInto(fresh);
            List<SpendEvent> events = WORLD.requests(fresh, 200, 7);
            SpendRecorder heir = Recorders.open(proxy, fresh, policy(DeliveryMode.BOOKED));
            SpendRecorder old = Recorders.open(moved, Recorders.ALL, journal("old"));
            old.handOver(heir);
            Recorders.away(proxy);
            events.forEach(old::record);
            Await.until(
                    "the new side has taken some",
                    Recorders.DEADLINE,
                    () -> heir.metrics().accepted() > 0);
            assertThat(old.metrics().backlogRows()).isEqualTo(200);
            old.close();
            heir.close();
            proxy.heal();
            // The next start of the proxy, on the new side.
            try (SpendRecorder next = Recorders.open(fresh, Recorders.ALL, journal("old"))) {
                assertThat(next.flush(Recorders.DEADLINE)).isTrue();
            }
            assertThat(fresh.books()).agree().holdExactly(events);
        }
    }
}
