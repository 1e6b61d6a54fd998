package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.move.CopyReport;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveException;
import io.llmdb.move.MovePhase;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DatabaseMoveTest {

    /** Of one database alone. */
    private static final Set<String> OWN = Set.of(
            "LLM_Change",
            "LLM_Job",
            "LLM_DatabaseState",
            "LLM_LimitCounter",
            "LLM_LimitLease",
            "LLM_DailySum",
            "LLM_QuarterHourSum",
            "LLM_SummedUp",
            "LLM_Move",
            "LLM_MoveUnit",
            "LLM_MoveTouch",
            "LLM_LogState");

    private static final BigDecimal PRICE = new BigDecimal("0.0123");

    private static void record(LlmDb db, SpendEvents traffic, int events) {
        for (SpendEvent event : traffic.take(events)) {
            db.spend().record(event);
        }
    }

    private static void assertSame(Sides sides) {
        assertThat(Sides.content(sides.target, OWN)).isEqualTo(Sides.content(sides.source, OWN));
    }

    @Test
    void aDatabaseMovesWhileItIsInUse() {
        try (Sides sides = Sides.onShared()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(7).failing(0.1).endUsers(5);
            record(old, traffic, 300);
            IssuedKey before = old.admin().keys().create(VirtualKeySpec.of("to rotate"));
            DatabaseMove move = sides.move().build();

            assertThat(move.plan().problems()).isEmpty();
            assertThat(move.plan().notes())
                    .as("tables that a move does not know")
                    .noneMatch(note -> note.contains("none of ours"));
            assertThat(move.status().phase()).isEqualTo(MovePhase.NONE);
            CopyReport copy = move.copy(progress -> {});
            assertThat(copy.rows()).isGreaterThan(300);
            assertSame(sides);

            move.follow();
            record(old, traffic, 100);
            IssuedKey rotated = old.admin().keys().rotate(before.key().hash(), Duration.ofHours(1));
            old.admin().keys().delete(world.keysOf("interns").get(0).key().hash());
            IssuedKey made = old.admin().keys().create(VirtualKeySpec.of("made"));
            assertThat(move.pass().changedRows()).isGreaterThan(100);
            assertSame(sides);
            assertThat(move.pass().logRows()).isZero();
            record(old, traffic, 50);

            Caller caller = old.authenticate(world.rawKey());
            Admission open = old.budgets().admit(caller, Call.of("gpt-4o").withEstimate(PRICE));
            CutOverReport report = move.cutOver("new-host:5432/llm");
            assertThat(report.verifiedRows()).isPositive();
            assertSame(sides);
            assertThat(move.status().phase()).isEqualTo(MovePhase.MOVED);

            Await.until("the old side knows", Duration.ofSeconds(1), () -> {
                try {
                    old.authenticate(world.rawKey());
                    return false;
                } catch (DatabaseMovedException e) {
                    assertThat(e.movedTo()).contains("new-host:5432/llm");
                    return true;
                }
            });
            assertThatThrownBy(
                            () -> old.budgets().admit(caller, Call.of("gpt-4o").withEstimate(PRICE)))
                    .isInstanceOf(DatabaseMovedException.class);
            assertThatThrownBy(() -> old.admin().keys().block(made.key().hash()))
                    .isInstanceOf(DatabaseMovedException.class);
            SpendEvent finished = open.event().cost(PRICE).tokens(10, 10).build();
            assertThatThrownBy(() -> open.settle(finished)).isInstanceOf(DatabaseMovedException.class);

            LlmDb fresh = sides.openTarget();
            old.handOver(fresh);
            open.settle(finished);
            open.settle(finished);
            assertThat(fresh.authenticate(world.rawKey()).key().hash())
                    .isEqualTo(world.key().key().hash());
            assertThat(fresh.authenticate(rotated.rawKey())).isNotNull();
            assertThat(fresh.authenticate(before.rawKey()))
                    .as("within its grace")
                    .isNotNull();
            assertThat(fresh.authenticate(made.rawKey())).isNotNull();
            record(fresh, traffic, 20);
            old.close();
            fresh.close();
            assertThat(sides.target.books())
                    .agree()
                    .haveNoDeadlock()
                    .haveNoDeadLetters()
                    .haveRequests(471);
            assertThat(sides.source.books()).haveRequests(450);
            assertThatThrownBy(move::abandon)
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("nothing to abandon");
        }
    }

    @Test
    void abandoningLeavesTheOldSideAsItWas() {
        try (Sides sides = Sides.onShared()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(8);
            record(old, traffic, 50);
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            move.follow();
            record(old, traffic, 50);
            move.pass();
            move.abandon();
            move.abandon();
            assertThat(move.status().phase()).isEqualTo(MovePhase.NONE);
            assertThat(sides.source.count("LLM_MoveTouch")).isZero();
            assertThat(triggers(sides.source)).doesNotContain("llmdb_moved", "llmdb_touch_insert");
            assertThat(triggers(sides.target)).doesNotContain("llmdb_arriving");
            assertThat(sides.target.count("LLM_VerificationToken")).isZero();
            assertThat(sides.target.count("LLM_SpendLogs")).isZero();
            record(old, traffic, 50);
            move.copy(progress -> {});
            assertSame(sides);
            old.close();
            assertThat(sides.source.books()).agree().haveRequests(150);
        }
    }

    private static List<String> triggers(TestDatabase database) {
        return database
                .rows(
                        "SELECT DISTINCT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                                + " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ?",
                        database.schema())
                .stream()
                .map(row -> String.valueOf(row.get("tgname")))
                .toList();
    }
}
