package io.llmdb.tests.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.DatabaseFailureException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.spend.DeadLetter;
import io.llmdb.spend.DeadLetters;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.EventRefusedException;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One bad event never holds up its neighbours: it stands among the dead letters with its reason, to be mended. */
@LlmDbTest
class BadRowsTest {

    private static final World WORLD = new World(100);

    /** What PostgreSQL refuses, and what the reason must say. */
    enum Bad {
        NUL(event -> event.endUser("a\0b").build(), "NUL"),
        NUL_IN_JSON(event -> event.metadata("{\"a\": \"\\u0000\"}").build(), "\\u0000"),
        NO_JSON(event -> event.metadata("{\"a\": ").build(), "JSON"),
        HALF_A_CHARACTER(event -> event.requestId("x\uD83D").build(), "surrogate"),
        DATE_OUT_OF_RANGE(event -> event.endTime(Instant.MAX).build(), "range"),
        NUMBER_OUT_OF_RANGE(
                event -> event.tokens(Long.MAX_VALUE, Long.MAX_VALUE).build(), "range"),
        TOO_LONG_FOR_AN_INDEX(event -> event.endUser(noise(20_000)).build(), "index"),
        TOO_DEEP(
                event -> event.metadata("[".repeat(100_000) + "]".repeat(100_000))
                        .build(),
                "stack depth");

        private final UnaryOperator<SpendEvent> spoil;
        private final String reason;

        Bad(Function<SpendEvent.Builder, SpendEvent> spoil, String reason) {
            this.spoil = event -> spoil.apply(event.toBuilder());
            this.reason = reason;
        }

        /** Does not compress. */
        private static String noise(int length) {
            StringBuilder text = new StringBuilder();
            new Random(3).ints(length, 'a', 'z' + 1).forEach(c -> text.append((char) c));
            return text.toString();
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneInAThousand(Bad bad, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 999, bad.ordinal());
        SpendEvent spoiled = bad.spoil.apply(WORLD.requests(database, 1, 99).get(0));
        List<SpendEvent> all = new ArrayList<>(requests);
        all.add(700, spoiled);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.memory())) {
            Recorders.book(recorder, all);
            assertThat(recorder.metrics().booked()).isEqualTo(999);
            assertThat(recorder.metrics().deadLetters()).isEqualTo(1);
            // Found by looking where that is possible, else by halving.
            assertThat(recorder.metrics().failedBatches()).isBetween(1L, 12L);

            DeadLetters letters = recorder.deadLetters();
            DeadLetter letter = letters.list(PageRequest.first(10)).items().get(0);
            assertThat(letter.event()).isEqualTo(spoiled);
            assertThat(letter.reason()).contains(bad.reason);
        }
        assertThat(database.books()).agree().holdExactly(requests).haveNoDeadlock();
    }

    /** Nobody waits for it any more when it turns out to be bad. */
    @ParameterizedTest
    @EnumSource
    void oneInTheInbox(Bad bad, TestDatabase database) {
        WORLD.insertInto(database);
        List<SpendEvent> requests = WORLD.requests(database, 199, bad.ordinal());
        SpendEvent spoiled = bad.spoil.apply(WORLD.requests(database, 1, 99).get(0));
        List<SpendEvent> all = new ArrayList<>(requests);
        all.add(120, spoiled);
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, DeliveryPolicy.synchronous())) {
            all.parallelStream().forEach(recorder::record);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.metrics().booked()).isEqualTo(199);
            DeadLetter letter =
                    recorder.deadLetters().list(PageRequest.first(10)).items().get(0);
            assertThat(letter.event()).isEqualTo(spoiled);
            assertThat(letter.reason()).contains(bad.reason);
        }
        assertThat(database.count("LLM_SpendInbox")).isZero();
        assertThat(database.books()).agree().holdExactly(requests).haveNoDeadlock();
    }

    @Test
    void allKindsAtOnceAndDeliveredThreeTimes(TestDatabase database, @TempDir Path directory) {
        WORLD.insertInto(database);
        List<SpendEvent> good = WORLD.requests(database, 4_000, 1);
        List<SpendEvent> bad = new ArrayList<>();
        for (Bad kind : Bad.values()) {
            bad.add(kind.spoil.apply(
                    WORLD.requests(database, 1, 1_000 + kind.ordinal()).get(0)));
        }
        List<SpendEvent> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.addAll(good);
            all.addAll(bad);
        }
        Collections.shuffle(all, new Random(5));
        try (SpendRecorder recorder = Recorders.open(
                database, Recorders.ALL, DeliveryPolicy.journal(directory).withBounds(2_000, 16 << 20, 1 << 30))) {
            // Together, so that they share syncs.
            all.parallelStream().forEach(recorder::record);
            assertThat(recorder.flush(Recorders.DEADLINE)).isTrue();
            assertThat(recorder.deadLetters().count()).isEqualTo(Bad.values().length);
            List<SpendEvent> dead = new ArrayList<>();
            PageRequest page = PageRequest.first(3);
            for (Page<DeadLetter> letters = recorder.deadLetters().list(page);
                    ;
                    letters = recorder.deadLetters().list(page)) {
                letters.items().forEach(letter -> dead.add(letter.event()));
                if (letters.next() == null) {
                    break;
                }
                page = page.after(letters.next());
            }
            assertThat(dead).containsExactlyInAnyOrderElementsOf(bad);
        }
        assertThat(database.books()).agree().holdExactly(good);
    }

    @Test
    void tokensThatNoRequestHasLeaveRoomInTheSumsThatManyShare(TestDatabase database) {
        WORLD.insertInto(database);
        UnaryOperator<SpendEvent> shared =
                event -> event.toBuilder().tags(List.of("shared")).model("m").build();
        List<SpendEvent> good =
                WORLD.requests(database, 50, 1).stream().map(shared).toList();
        SpendEvent absurd = SpendEvent.builder(good.get(0).startTime())
                .tokens(Long.MAX_VALUE, 1)
                .tags(List.of("shared"))
                .model("m")
                .build();
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.booked())) {
            assertThatThrownBy(() -> recorder.record(absurd))
                    .isInstanceOf(EventRefusedException.class)
                    .hasMessageContaining("at most 1000000000000");
            good.forEach(recorder::record);

            assertThat(recorder.deadLetters().list(PageRequest.first(10)).items())
                    .singleElement()
                    .extracting(DeadLetter::event)
                    .isEqualTo(absurd);
        }
        assertThat(database.books()).agree().holdExactly(good);
    }

    @Test
    void whoeverWaitsIsToldWhereABadEventCannotBeSetAside(TestDatabase database) throws Exception {
        WORLD.insertInto(database);
        SpendEvent bad = Bad.NUL.spoil.apply(WORLD.requests(database, 1, 1).get(0));
        List<SpendEvent> good = WORLD.requests(database, 20, 2);
        database.execute("""
                CREATE FUNCTION ${llmdb}.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100';
                END $$;
                CREATE TRIGGER full_ BEFORE INSERT ON ${llmdb}."LLM_DeadLetter" EXECUTE FUNCTION ${llmdb}.full()""");
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.booked())) {
            assertThat(recorder.recordAsync(bad))
                    .failsWithin(Recorders.DEADLINE)
                    .withThrowableThat()
                    .withCauseInstanceOf(DatabaseFailureException.class);
            good.forEach(recorder::record);
            database.execute("DROP TRIGGER full_ ON ${llmdb}.\"LLM_DeadLetter\"");
            assertThatThrownBy(() -> recorder.record(bad)).isInstanceOf(EventRefusedException.class);
        }
        assertThat(database.books()).agree().holdExactly(good);
    }

    @Test
    void mendedReplayedDiscarded(TestDatabase database) {
        WORLD.insertInto(database);
        SpendEvent one = Bad.NUL.spoil.apply(WORLD.requests(database, 1, 1).get(0));
        SpendEvent other =
                Bad.NO_JSON.spoil.apply(WORLD.requests(database, 1, 2).get(0));
        try (SpendRecorder recorder = Recorders.open(database, Recorders.ALL, Recorders.booked())) {
            assertThatThrownBy(() -> recorder.record(one))
                    .isInstanceOf(EventRefusedException.class)
                    .hasMessageContaining(one.id().toString());
            assertThatThrownBy(() -> recorder.record(other)).isInstanceOf(EventRefusedException.class);
            DeadLetters letters = recorder.deadLetters();
            List<DeadLetter> waiting = letters.list(PageRequest.first(10)).items();
            DeadLetter first = waiting.stream()
                    .filter(letter -> letter.event().id().equals(one.id()))
                    .findFirst()
                    .orElseThrow();
            DeadLetter second = waiting.stream()
                    .filter(letter -> letter.event().id().equals(other.id()))
                    .findFirst()
                    .orElseThrow();

            assertThatThrownBy(() -> letters.replay(first.id())).isInstanceOf(EventRefusedException.class);
            assertThatThrownBy(() -> letters.replay(
                            first.id(), event -> WORLD.requests(database, 1, 3).get(0)))
                    .isInstanceOf(InvalidArgumentException.class);
            letters.mend(first.id(), event -> event.toBuilder().endUser("a b").build());
            assertThat(letters.list(PageRequest.first(10)).items())
                    .anySatisfy(letter -> assertThat(letter.event().endUser()).isEqualTo("a b"));
            letters.replay(first.id());
            letters.discard(second.id());
            assertThat(letters.count()).isZero();
            assertThatThrownBy(() -> letters.replay(first.id())).isInstanceOf(NotFoundException.class);
            assertThatThrownBy(() -> letters.discard(second.id())).isInstanceOf(NotFoundException.class);

            SpendEvent mended = one.toBuilder().endUser("a b").build();
            recorder.record(mended);
            assertThat(recorder.metrics().repeated()).isEqualTo(1);
            assertThat(database.books()).agree().holdExactly(List.of(mended)).haveNoDeadLetters();
        }
    }
}
