package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbClock;
import io.llmdb.keys.Caller;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.move.CopyReport;
import io.llmdb.move.CutOverReport;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.move.MoveException;
import io.llmdb.move.MovePhase;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.ChildJvm;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
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
            "LLM_HourSum",
            "LLM_SummedUp",
            "LLM_Move",
            "LLM_MoveUnit",
            "LLM_MoveTouch",
            "LLM_LogState");

    private static final BigDecimal PRICE = new BigDecimal("0.0123");

    /** Where the database moves from and to. */
    Sides sides() {
        return Sides.onShared();
    }

    /** How it is followed there when nothing is asked for. */
    FollowMethod method() {
        return FollowMethod.ROW_VERSIONS;
    }

    static void record(LlmDb db, SpendEvents traffic, int events) {
        for (SpendEvent event : traffic.take(events)) {
            db.spend().record(event);
        }
    }

    static void assertSame(Sides sides) {
        assertThat(Sides.content(sides.target, OWN)).isEqualTo(Sides.content(sides.source, OWN));
    }

    @Test
    void aDatabaseMovesWhileItIsInUse() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(7).failing(0.1).endUsers(5);
            record(old, traffic, 60);
            IssuedKey before = old.admin().keys().create(VirtualKeySpec.of("to rotate"));
            DatabaseMove move = sides.move().build();

            assertThat(move.plan().problems()).isEmpty();
            assertThat(move.plan().notes())
                    .as("tables that a move does not know")
                    .noneMatch(note -> note.contains("none of ours"));
            assertThat(move.status().phase()).isEqualTo(MovePhase.NONE);
            CopyReport copy = move.copy(progress -> {});
            assertThat(copy.rows()).isGreaterThan(60);
            assertSame(sides);

            assertThat(move.follow().method()).isEqualTo(method());
            record(old, traffic, 40);
            IssuedKey rotated = old.admin().keys().rotate(before.key().hash(), Duration.ofHours(1));
            old.admin().keys().delete(world.keysOf("interns").get(0).key().hash());
            IssuedKey made = old.admin().keys().create(VirtualKeySpec.of("made"));
            assertThat(move.pass().changedRows()).isGreaterThan(40);
            assertSame(sides);
            assertThat(move.pass().logRows()).isZero();
            record(old, traffic, 20);

            Caller caller = old.authenticate(world.rawKey());
            Admission open = old.budgets().admit(caller, Call.of("gpt-4o").withEstimate(PRICE));
            CutOverReport report = move.cutOver("new-host:5432/llm");
            assertThat(report.verifiedRows()).isPositive();
            assertSame(sides);
            assertThat(move.status().phase()).isEqualTo(MovePhase.MOVED);

            // Within a second where the machine is not busy.
            Await.until("the old side knows", Duration.ofSeconds(5), () -> {
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
            record(fresh, traffic, 10);
            old.close();
            fresh.close();
            assertThat(sides.target.books())
                    .agree()
                    .haveNoDeadlock()
                    .haveNoDeadLetters()
                    .haveRequests(131);
            assertThat(sides.source.books()).haveRequests(120);
            assertThatThrownBy(move::abandon)
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("nothing to abandon");
        }
    }

    /** Whoever was answered on the old side finds it in the books of the new one. */
    /**
     * Since the last copy the source has made a day of strays, and an instance on the target has summed up and settled.
     */
    @Test
    void aCopyIsRepeatedWhateverJobsHaveDoneMeanwhile() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            record(old, World.company(old).traffic(7), 30);
            LocalDate day = LocalDate.ofInstant(sides.source.clock().now(), ZoneOffset.UTC)
                    .minusDays(40);
            sides.source.execute(
                    "UPDATE ${llmdb}.\"LLM_SpendLogs\" SET \"startTime\" = ?::date + interval '5 hours' WHERE id IN (SELECT id FROM"
                            + " ${llmdb}.\"LLM_SpendLogs\" LIMIT 10)",
                    day.toString());
            sides.target.open().close();
            sides.target.execute(
                    "INSERT INTO ${llmdb}.\"LLM_SummedUp\" (span, start, complete) VALUES ('hour', '2026-01-01Z', true)");
            sides.target.execute(
                    "UPDATE ${llmdb}.\"LLM_LogState\" SET settled_before = now() WHERE table_name = 'LLM_SpendLogs'");
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            assertThat(sides.target.count("LLM_SummedUp")).isZero();
            assertThat(sides.source.value(
                            Boolean.class,
                            "SELECT ${llmdb}.llmdb_make_partition('LLM_SpendLogs', ?::timestamptz, ?::timestamptz)",
                            day + "Z",
                            day.plusDays(1) + "Z"))
                    .isTrue();

            move.copy(progress -> {});

            assertSame(sides);
            assertThat(sides.target.value(
                            OffsetDateTime.class,
                            "SELECT settled_before FROM ${llmdb}.\"LLM_LogState\" WHERE table_name = 'LLM_SpendLogs'"))
                    .isBeforeOrEqualTo(day.atStartOfDay().atOffset(ZoneOffset.UTC));
            move.abandon();
        }
    }

    @Test
    void whatStandsInTheInboxAtTheCutOverIsBookedOnTheTarget() {
        try (Sides sides = Sides.onShared()) {
            LlmDb old = sides.source.open();
            SpendEvents traffic = World.company(old).traffic(11);
            record(old, traffic, 20);
            old.close();
            List<SpendEvent> accepted = traffic.take(40);
            DatabaseMove move = sides.move().build();
            leaveInInbox(sides.source, accepted.subList(0, 20));
            move.copy(progress -> {});
            move.follow();
            assertSame(sides);
            // One that goes and twenty that come, after the copy.
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendInbox\" WHERE id = '"
                    + accepted.get(19).id() + "'");
            leaveInInbox(sides.source, accepted.subList(20, 40));
            move.cutOver("new");
            assertThatThrownBy(() -> sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendInbox\""))
                    .hasMessageContaining("has moved");
            assertThat(sides.source.count("LLM_SpendLogs")).isEqualTo(20);
            assertThat(sides.target.count("LLM_SpendInbox")).isEqualTo(39);
            assertSame(sides);
            try (LlmDb fresh = sides.openTarget()) {
                // Else it is theirs for a while who might still be at it.
                sides.target.execute("UPDATE ${llmdb}.\"LLM_SpendInbox\" SET adopt_at = ${llmdb}.llmdb_now()");
                Await.until("it is booked", Duration.ofSeconds(60), () -> sides.target.count("LLM_SpendInbox") == 0);
                assertThat(fresh.spend().metrics().adopted()).isEqualTo(39);
            }
            assertThat(sides.target.books())
                    .agree()
                    .haveNoDeadLetters()
                    .haveNoDeadlock()
                    .haveRequests(59);
        }
    }

    /** As an instance does that is killed before it has booked them. */
    private static void leaveInInbox(TestDatabase database, List<SpendEvent> events) {
        Db db = new Db(database.dataSource(), database.schema());
        BookingPolicy booking =
                new BookingPolicy(true, true, true, true, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
        DeliveryPolicy policy =
                DeliveryPolicy.synchronous().withWriter(100, Duration.ofMillis(10), Duration.ofMillis(1));
        try (Connection held = database.dataSource().getConnection();
                Statement lock = held.createStatement()) {
            held.setAutoCommit(false);
            lock.execute("LOCK TABLE \"" + database.schema() + "\".\"LLM_DailySpend\"");
            try (SpendRecorder recorder = new SpendRecorder(db, new DbClock(db.sql()), booking, policy, List.of())) {
                events.forEach(recorder::record);
            }
            lock.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted"
                    + " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
            held.rollback();
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void abandoningLeavesTheOldSideAsItWas() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(8);
            record(old, traffic, 20);
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            move.follow();
            record(old, traffic, 20);
            move.pass();
            move.abandon();
            move.abandon();
            assertThat(move.status().phase()).isEqualTo(MovePhase.NONE);
            assertThat(sides.source.count("LLM_MoveTouch")).isZero();
            assertThat(triggers(sides.source)).doesNotContain("llmdb_moved", "llmdb_touch_insert");
            assertThat(triggers(sides.target)).doesNotContain("llmdb_arriving");
            assertThat(sides.target.count("LLM_VerificationToken")).isZero();
            assertThat(sides.target.count("LLM_SpendLogs")).isZero();
            record(old, traffic, 20);
            move.copy(progress -> {});
            assertSame(sides);
            old.close();
            assertThat(sides.source.books()).agree().haveRequests(60);
        }
    }

    @Test
    void aDifferenceIsFoundAndTheOldSideStaysOpen() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(9);
            record(old, traffic, 20);
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            move.follow();
            move.pass();
            assertThat(move.verify().rows()).isGreaterThan(20);
            String tamper = "SET llmdb.move = 'on'; UPDATE ${llmdb}.\"%s\" SET spend = spend + 0.000001 WHERE ctid ="
                    + " (SELECT ctid FROM ${llmdb}.\"%s\" LIMIT 1); RESET llmdb.move";
            sides.target.execute(tamper.formatted("LLM_VerificationToken", "LLM_VerificationToken"));
            assertThatThrownBy(move::verify)
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("\"LLM_VerificationToken\"")
                    .hasMessageContaining("with other content");
            assertThatThrownBy(() -> move.cutOver("new"))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("Source and target differ");
            // Nothing has changed: the old side is in use, and the target is not.
            record(old, traffic, 20);
            old.admin().keys().block(world.key().key().hash());
            assertThat(move.status().phase()).isEqualTo(MovePhase.FOLLOWING);
            assertThat(triggers(sides.source)).doesNotContain("llmdb_moved");
            assertThatThrownBy(() -> sides.target.execute("DELETE FROM ${llmdb}.\"LLM_DailySpend\""))
                    .hasMessageContaining("not finished");
            // Every row that changes on the source comes anew, so what is wrong with this one is mended.
            sides.source.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET key_alias = key_alias");
            move.cutOver("new");
            assertSame(sides);
            assertThatThrownBy(() -> sides.source.execute("DELETE FROM ${llmdb}.\"LLM_DailySpend\""))
                    .hasMessageContaining("has moved to new");
        }
    }

    /** At whatever moment the tool dies, the next one brings the move to its end. */
    @Test
    void aCutOverThatIsKilledGoesOn() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            record(old, world.traffic(10), 20);
            old.close();
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            move.follow();
            try (ChildJvm tool = MoveTool.between(sides.source, sides.target)
                    .arguments("cutOver")
                    .start()) {
                Await.until("the fence begins", Duration.ofSeconds(60), () -> {
                    MovePhase phase = move.status().phase();
                    return phase == MovePhase.FENCING || phase == MovePhase.MOVED;
                });
                tool.kill();
            }
            Await.until("the tool's sessions end", Duration.ofSeconds(30), () -> {
                try {
                    return move.status().phase() == MovePhase.MOVED
                            || move.cutOver("new").verifiedRows() > 0;
                } catch (MoveException e) {
                    assertThat(e).hasMessageContaining("Another process works");
                    return false;
                }
            });
            assertThat(move.status().phase()).isEqualTo(MovePhase.MOVED);
            assertSame(sides);
            assertThat(sides.target.books()).agree().haveRequests(20);
            // Killed right behind the cut-over, it has left what followed the source.
            assertThatThrownBy(move::abandon).hasMessageContaining("nothing to abandon");
        }
    }

    static List<String> triggers(TestDatabase database) {
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
