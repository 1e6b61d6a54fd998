package io.llmdb.limits;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.error.DatabaseUnavailableException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Ticks;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import io.llmdb.testkit.CapturedLog;
import io.llmdb.testkit.MovableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the desk says where the database does not take what it is told. */
class LimitDeskTest {

    private static final LimitId REQUESTS = new LimitId(CounterId.of(Scope.TEAM, "t"), LimitKind.REQUESTS);
    private static final Instant START = Instant.parse("2031-03-04T05:06:17Z");

    private long nanos = 1_000_000_000L;
    private final Store store = new Store();
    private final LimitDesk desk = new LimitDesk(store, LimitPolicy.DEFAULT, MovableClock.at(START), new Ticks() {
        @Override
        public long nanos() {
            return nanos;
        }

        @Override
        public long wallMillis() {
            return nanos / 1_000_000;
        }
    });

    static List<LlmDbException> failures() {
        return List.of(
                new DatabaseFailureException("read-only"),
                new DatabaseMovedException("moved", "elsewhere"),
                new DatabaseUnavailableException("out of reach"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aFailureIsSaidWhenItBeginsAndWhenItIsOver(LlmDbException failure) throws InterruptedException {
        try (CapturedLog log = CapturedLog.start(LimitDesk.class.getName())) {
            assertThat(isAdmitted(1)).isTrue();
            assertThat(log.entries()).isEmpty();
            for (int time = 0; time < 2; time++) {
                store.failure = failure;
                for (int i = 0; i < 10; i++) {
                    assertThat(isAdmitted(50)).isFalse();
                }
                store.failure = null;
                isAdmitted(1);
                assertThat(isAdmitted(1)).isTrue();
            }
            assertThat(log.entries())
                    .extracting(entry -> entry.substring(0, entry.indexOf(' ')))
                    .containsExactly("WARN", "INFO", "WARN", "INFO");
        }
    }

    /** A call, and then a beat. */
    private boolean isAdmitted(long amount) throws InterruptedException {
        CompletableFuture<LimitHold> answer = desk.reserve(List.of(new LimitNeed(REQUESTS, 100, amount)));
        nanos += LimitDesk.BEAT.toNanos();
        desk.work(Duration.ZERO);
        return answer.isDone() && !answer.isCompletedExceptionally();
    }

    /** Refuses to be written to; where it is away it cannot be read either. */
    private static final class Store implements LimitStore {

        private final LimitStore rows;
        private @Nullable LlmDbException failure;

        Store() {
            ModelDatabase database = new ModelDatabase(LimitPolicy.DEFAULT.leaseTime());
            database.setTime(START);
            rows = database.store(UUID.randomUUID());
        }

        private void write() {
            LlmDbException now = failure;
            if (now != null) {
                throw now;
            }
        }

        private void read() {
            if (failure instanceof DatabaseUnavailableException) {
                write();
            }
        }

        @Override
        public Reply grant(List<Question> questions) {
            write();
            return rows.grant(questions);
        }

        @Override
        public Set<LimitId> renew() {
            write();
            return rows.renew();
        }

        @Override
        public Set<LimitId> recalled() {
            read();
            return rows.recalled();
        }

        @Override
        public void returnSlots() {
            write();
            rows.returnSlots();
        }

        @Override
        public void tidy() {
            write();
            rows.tidy();
        }
    }
}
