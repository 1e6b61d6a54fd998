package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.move.FollowReport;
import io.llmdb.move.MoveChoice;
import io.llmdb.move.MoveException;
import io.llmdb.move.PassReport;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.World;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same moves, and some more, where the server lets its write-ahead log be read. */
class LogicalReplicationTest extends DatabaseMoveTest {

    @SuppressWarnings("NullAway.Init")
    private static PostgresServer server;

    @BeforeAll
    static void start() {
        server = PostgresServer.startEmbedded(Map.of("wal_level", "logical"));
        replication(server, true);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    /** Nothing of a move that has ended or was given up may fill the disk. */
    @AfterEach
    void nothingIsLeft() {
        try (TestDatabase probe = server.newEmptyDatabase("probe")) {
            assertThat(slots(probe)).isEmpty();
        }
    }

    static void replication(PostgresServer server, boolean allowed) {
        try (TestDatabase database = server.newEmptyDatabase("any")) {
            asAdmin(database, "ALTER ROLE \"" + database.user() + "\" " + (allowed ? "REPLICATION" : "NOREPLICATION"));
        }
    }

    private static void asAdmin(TestDatabase database, String sql) {
        try (Connection connection = database.adminDataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(sql, e);
        }
    }

    private static List<Map<String, Object>> slots(TestDatabase database) {
        return database.rows("SELECT slot_name FROM pg_replication_slots");
    }

    @Override
    Sides sides() {
        return Sides.on(server, PostgresServer.shared());
    }

    @Override
    FollowMethod method() {
        return FollowMethod.LOGICAL_REPLICATION;
    }

    /** A move that has made the two passes after which the log alone tells what changed. */
    private static DatabaseMove following(Sides sides, MoveChoice choice) {
        DatabaseMove move = sides.move().choice(choice).build();
        move.copy(progress -> {});
        assertThat(move.follow().method()).isEqualTo(FollowMethod.LOGICAL_REPLICATION);
        move.pass();
        move.pass();
        return move;
    }

    @Test
    void nothingIsWrittenToTheSourceButTheFact() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            assertThat(triggers(sides.source)).doesNotContain("llmdb_touch_insert");
            assertThat(slots(sides.source)).hasSize(1);
            FollowReport again = move.follow();
            assertThat(again.method()).as("a second call").isEqualTo(FollowMethod.LOGICAL_REPLICATION);
            assertThat(slots(sides.source))
                    .extracting(row -> row.get("slot_name"))
                    .containsExactly(again.slot());
            assertThat(slots(sides.source)).hasSize(1);
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            PassReport pass = move.pass();
            assertThat(pass.changedRows()).isEqualTo(1);
            assertThat(pass.heldBytes()).isPositive();
            assertSame(sides);
            move.abandon();
            assertThat(slots(sides.source)).isEmpty();
            assertThat(sides.source.rows("SELECT pubname FROM pg_publication")).isEmpty();
        }
    }

    /** One transaction that has written but not committed when a pass is made, and all kinds of changes. */
    @Test
    void whatIsCommittedLaterComesLater() throws SQLException {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            String table = "\"llmdb\".\"LLM_TagTable\"";
            sides.source.execute("INSERT INTO " + table
                    + " (tag_name) VALUES ('goes'), ('changes'), ('is renamed'), ('goes and comes back')");
            move.pass();
            assertSame(sides);
            try (Connection slow = sides.source.dataSource().getConnection();
                    Statement statement = slow.createStatement()) {
                slow.setAutoCommit(false);
                statement.execute("INSERT INTO " + table + " (tag_name) VALUES ('late')");
                statement.execute("SAVEPOINT a");
                statement.execute("INSERT INTO " + table + " (tag_name) VALUES ('late within a savepoint')");
                statement.execute("RELEASE SAVEPOINT a");
                statement.execute("SAVEPOINT b");
                statement.execute("INSERT INTO " + table + " (tag_name) VALUES ('never')");
                statement.execute("ROLLBACK TO SAVEPOINT b");
                sides.source.execute("DELETE FROM " + table + " WHERE tag_name = 'goes'");
                sides.source.execute("UPDATE " + table
                        + " SET tag_name = 'new name, \"quoted\" \\ and ''so''' WHERE tag_name = 'is renamed'");
                sides.source.execute("UPDATE " + table + " SET spend = 3 WHERE tag_name = 'changes'");
                try (Statement as = sides.source.dataSource().getConnection().createStatement()) {
                    // What an end user may send must not be taken for anything else.
                    as.execute("INSERT INTO " + table + " (tag_name) VALUES ('${llmdb}')");
                    as.getConnection().close();
                }
                sides.source.execute("DELETE FROM " + table + " WHERE tag_name = 'goes and comes back'");
                sides.source.execute("INSERT INTO " + table + " (tag_name, spend) VALUES ('goes and comes back', 7)");
                move.pass();
                assertSame(sides);
                assertThat(sides.target.count("LLM_TagTable")).isEqualTo(4);
                slow.commit();
            }
            assertThat(move.pass().changedRows()).isEqualTo(2);
            assertSame(sides);
            assertThat(sides.target.count("LLM_TagTable")).isEqualTo(6);
            sides.source.execute("TRUNCATE " + table);
            move.pass();
            assertSame(sides);
            move.cutOver("new");
            assertThat(slots(sides.source)).isEmpty();
        }
    }

    /**
     * Edits of the logs that no trigger sees: a partition's own rows, deleted rows, prompts that retention takes away.
     */
    @Test
    void editsOfLogRowsComeAlong() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(3).failing(0.2);
            record(old, traffic, 40);
            DatabaseMove move = following(sides, MoveChoice.everything());
            record(old, traffic, 10);
            old.close();
            String partition = String.valueOf(sides.source
                    .rows("SELECT tableoid::regclass::text AS part FROM ${llmdb}.\"LLM_SpendLogs\" LIMIT 1")
                    .get(0)
                    .get("part"));
            sides.source.execute("UPDATE " + partition + " SET metadata = '{\"edited\": true}'");
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendLogs\" WHERE id IN (SELECT id FROM"
                    + " ${llmdb}.\"LLM_SpendLogs\" ORDER BY id LIMIT 5)");
            PassReport pass = move.pass();
            assertThat(pass.logRows()).isGreaterThanOrEqualTo(45);
            assertThat(pass.deletedRows()).isEqualTo(5);
            assertSame(sides);
            move.cutOver("new");
            assertSame(sides);
        }
    }

    @Test
    void rowsThatLeaveAReceiptOnlyComeAsReceipts() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(4);
            record(old, traffic, 20);
            DatabaseMove move = following(
                    sides,
                    MoveChoice.required()
                            .withLogsBetween(LocalDate.of(2020, 1, 1), null)
                            .withOrganizations(true));
            record(old, traffic, 15);
            old.close();
            move.pass();
            assertThat(sides.target.count("LLM_SpendLogs")).isZero();
            assertThat(sides.target.count("LLM_SpendReceipt")).isEqualTo(35);
            move.cutOver("new");
            assertThat(sides.target.count("LLM_SpendReceipt")).isEqualTo(35);
        }
    }

    /** More changes than are held in memory: the rows themselves are asked, and nothing is missed. */
    @Test
    void manyChangesAreBoundedInMemory() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("""
                    INSERT INTO ${llmdb}."LLM_TagTable" (tag_name) SELECT 'tag ' || n FROM generate_series(1, 120000) n;
                    INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id, max_budget, created_by, updated_by)
                    SELECT 'budget ' || n, n, 'me', 'me' FROM generate_series(1, 2500) n""");
            assertThat(move.pass().changedRows()).isEqualTo(122_500);
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_TagTable\" WHERE tag_name > 'tag 5'");
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_BudgetTable\" WHERE max_budget > 2400");
            PassReport pass = move.pass();
            assertThat(pass.deletedRows()).isGreaterThan(50_000);
            assertSame(sides);
            move.abandon();
        }
    }

    /**
     * Retention rewrites a day without its prompts in a table of its own, of which no log tells, and puts it in place.
     */
    @Test
    void promptsThatRetentionTakesAwayGoOnTheTargetToo() {
        try (Sides sides = sides()) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            record(old, world.traffic(3), 20);
            old.close();
            sides.source.execute("UPDATE ${llmdb}.\"LLM_SpendLogs\" SET messages = to_jsonb(repeat('secret ', 9000))");
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("UPDATE ${llmdb}.\"LLM_SpendLogs\" SET call_type = 'chat'");
            move.pass();
            assertSame(sides);
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendLogs\" WHERE id IN (SELECT id FROM"
                    + " ${llmdb}.\"LLM_SpendLogs\" ORDER BY id LIMIT 3)");
            sides.source
                    .rows("SELECT DISTINCT tableoid::bigint AS part FROM ${llmdb}.\"LLM_SpendLogs\"")
                    .forEach(part -> sides.source.execute(
                            "SELECT ${llmdb}.llmdb_forget_prompts(" + part.get("part") + "::oid, '5s')"));
            assertThat(sides.source.value(Long.class, "SELECT count(messages) FROM ${llmdb}.\"LLM_SpendLogs\""))
                    .isZero();
            move.pass();
            assertSame(sides);
            move.cutOver("new");
            assertSame(sides);
        }
    }

    /** Rows that were there when the copy was made, and have gone since, wherever a pass does not know of it by key. */
    @Test
    void logRowsThatAreDeletedAreDeleted() {
        for (FollowMethod method : FollowMethod.values()) {
            try (Sides sides = sides()) {
                LlmDb old = sides.source.open();
                World world = World.company(old);
                SpendEvents traffic = world.traffic(3).failing(0.3);
                record(old, traffic, 40);
                DatabaseMove move = sides.move().followBy(method).build();
                move.copy(progress -> {});
                delete(sides, 5);
                move.follow();
                delete(sides, 5);
                assertThat(move.pass().deletedRows()).as("%s", method).isGreaterThanOrEqualTo(10);
                assertSame(sides);
                delete(sides, 5);
                record(old, traffic, 3);
                move.pass();
                assertSame(sides);
                old.close();
                delete(sides, 5);
                sides.source.execute("TRUNCATE ${llmdb}.\"LLM_ErrorLogs\"");
                // Of a partition that is emptied nobody tells at all, of a log no trigger.
                sides.source
                        .rows("SELECT tableoid::regclass::text AS part FROM ${llmdb}.\"LLM_SpendLogs\" LIMIT 1")
                        .forEach(part -> sides.source.execute("TRUNCATE " + part.get("part")));
                move.cutOver("new");
                assertSame(sides);
            }
        }
    }

    private static void delete(Sides sides, int rows) {
        sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendLogs\" WHERE id IN (SELECT id FROM"
                + " ${llmdb}.\"LLM_SpendLogs\" ORDER BY id LIMIT " + rows + ")");
    }

    /** Retention works on the partition of strays itself, where no trigger of the log sees it. */
    @Test
    void straysThatRetentionDeletesAreDeleted() {
        for (FollowMethod method : FollowMethod.values()) {
            try (Sides sides = sides()) {
                LlmDb old = sides.source.open();
                World world = World.company(old);
                record(old, world.traffic(3), 10);
                old.close();
                String partition = String.valueOf(sides.source
                        .rows("SELECT tableoid::regclass::text AS part FROM ${llmdb}.\"LLM_SpendLogs\" LIMIT 1")
                        .get(0)
                        .get("part"));
                sides.source.execute("ALTER TABLE ${llmdb}.\"LLM_SpendLogs\" DETACH PARTITION " + partition
                        + "; INSERT INTO ${llmdb}.\"LLM_SpendLogs\" SELECT * FROM " + partition + "; DROP TABLE "
                        + partition);
                assertThat(sides.source.count("LLM_SpendLogs_pdefault")).isPositive();
                DatabaseMove move = sides.move().followBy(method).build();
                move.copy(progress -> {});
                move.follow();
                move.pass();
                move.pass();
                sides.source.execute("UPDATE ${llmdb}.\"LLM_SpendLogs_pdefault\" SET messages = NULL, metadata = '{}'");
                sides.source.execute("DELETE FROM ${llmdb}.\"LLM_SpendLogs_pdefault\" WHERE id IN (SELECT id FROM"
                        + " ${llmdb}.\"LLM_SpendLogs_pdefault\" ORDER BY id LIMIT 3)");
                move.pass();
                assertSame(sides);
                move.cutOver("new");
                assertSame(sides);
            }
        }
    }

    /** A tool that was killed on the way from one slot to the next has left no fact. */
    @Test
    void withoutTheFactTheSourceIsFollowedAnew() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_DatabaseState\" WHERE name LIKE 'followed %'");
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            move.pass();
            assertSame(sides);
            assertThat(sides.source.count("LLM_DatabaseState")).isPositive();
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_TagTable\"");
            move.pass();
            assertSame(sides);
            move.abandon();
        }
    }

    /** Of the one table only that anything may have changed is known, of the other one which rows. */
    @Test
    void whatOthersPointAtGoesLast() {
        try (Sides sides = sides()) {
            sides.source.execute("""
                    INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id, max_budget) VALUES ('b1', 1), ('b2', 2);
                    INSERT INTO ${llmdb}."LLM_TagTable" (tag_name, budget_id) VALUES ('t1', 'b1'), ('t2', 'b2')""");
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("""
                    TRUNCATE ${llmdb}."LLM_TagTable"; DELETE FROM ${llmdb}."LLM_BudgetTable" WHERE budget_id = 'b1';
                    INSERT INTO ${llmdb}."LLM_TagTable" (tag_name, budget_id) VALUES ('t3', 'b2')""");
            move.pass();
            assertSame(sides);
            move.abandon();
        }
    }

    @Test
    void aToolThatIsKilledBehindTheCutOverLeavesNoSlot() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            String slot = String.valueOf(move.follow().slot());
            move.cutOver("new");
            sides.source.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
            assertThatThrownBy(move::abandon).hasMessageContaining("nothing to abandon");
            assertThat(slots(sides.source)).isEmpty();
        }
    }

    /** A rehearsal beside the real move. */
    @Test
    void twoMovesFromOneSourceDoNotDisturbEachOther() {
        twoMoves(FollowMethod.LOGICAL_REPLICATION);
    }

    @Test
    @Tag("storm")
    void norDoTheyByRowVersions() {
        twoMoves(FollowMethod.ROW_VERSIONS);
    }

    private void twoMoves(FollowMethod method) {
        try (Sides sides = sides();
                TestDatabase other = PostgresServer.shared().newEmptyDatabase("rehearsal")) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(3);
            DatabaseMove move = sides.move().followBy(method).build();
            move.copy(progress -> {});
            move.follow();
            move.pass();
            DatabaseMove rehearsal = DatabaseMove.from(Sides.endpoint(sides.source, "old"))
                    .to(Sides.endpoint(other, "rehearsal"))
                    .followBy(method)
                    .build();
            rehearsal.copy(progress -> {});
            rehearsal.follow();
            record(old, traffic, 20);
            rehearsal.pass();
            rehearsal.pass();
            record(old, traffic, 20);
            rehearsal.abandon();
            record(old, traffic, 20);
            old.close();
            move.pass();
            assertSame(sides);
            rehearsal.copy(progress -> {});
            rehearsal.follow();
            move.cutOver("new");
            assertSame(sides);
            assertThatThrownBy(() -> rehearsal.cutOver("rehearsal"))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("has moved already, to new");
            rehearsal.abandon();
            assertThatThrownBy(() -> sides.source.execute("DELETE FROM ${llmdb}.\"LLM_DailySpend\""))
                    .hasMessageContaining("has moved to new");
            assertThat(triggers(sides.source)).doesNotContain("llmdb_touch_insert");
        }
    }

    @Test
    void aPublicationThatMissesATableIsNotTrusted() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("ALTER PUBLICATION " + move.follow().slot() + " DROP TABLE ${llmdb}.\"LLM_TagTable\"");
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            move.pass();
            assertSame(sides);
            assertThatThrownBy(() ->
                            sides.move().choice(MoveChoice.required()).build().pass())
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("began with another choice");
            move.abandon();
        }
    }

    /** Where the disk fills up, the other way is taken in the middle of the move. */
    @Test
    void theMethodCanBeChanged() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            assertThat(sides.move()
                            .followBy(FollowMethod.ROW_VERSIONS)
                            .build()
                            .follow()
                            .method())
                    .isEqualTo(FollowMethod.ROW_VERSIONS);
            assertThat(slots(sides.source)).isEmpty();
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('b')");
            move.pass();
            assertSame(sides);
            assertThat(sides.move()
                            .followBy(FollowMethod.LOGICAL_REPLICATION)
                            .build()
                            .follow()
                            .slot())
                    .isNotNull();
            assertThat(triggers(sides.source)).doesNotContain("llmdb_touch_insert");
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('c')");
            move.cutOver("new");
            assertSame(sides);
        }
    }

    /** An administrator who drops a slot to save the disk breaks nothing. */
    @Test
    void aSlotThatIsDroppedIsMadeAnew() {
        try (Sides sides = sides()) {
            DatabaseMove move = following(sides, MoveChoice.everything());
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            sides.source.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('b')");
            move.pass();
            assertSame(sides);
            assertThat(slots(sides.source)).hasSize(1);
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('c')");
            move.pass();
            sides.source.execute("DELETE FROM ${llmdb}.\"LLM_TagTable\" WHERE tag_name = 'a'");
            assertThat(move.pass().deletedRows()).isEqualTo(1);
            assertSame(sides);
            // And once more, when no new one is to be had.
            sides.source.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
            replication(server, false);
            try {
                sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('d')");
                move.pass();
                assertSame(sides);
                assertThat(triggers(sides.source)).contains("llmdb_touch_insert");
                sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('e')");
                move.cutOver("new");
                assertSame(sides);
            } finally {
                replication(server, true);
            }
        }
    }

    @Test
    void withoutTheRightTheRowsAreAsked() {
        replication(server, false);
        try (Sides sides = sides()) {
            DatabaseMove.Builder builder = sides.move();
            DatabaseMove asked =
                    builder.followBy(FollowMethod.LOGICAL_REPLICATION).build();
            asked.copy(progress -> {});
            assertThatThrownBy(asked::follow)
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("cannot be followed by logical replication")
                    .hasMessageContaining("REPLICATION")
                    .hasMessageContaining("row versions");
            assertThat(sides.source.rows("SELECT pubname FROM pg_publication")).isEmpty();
            FollowReport report = sides.move().build().follow();
            assertThat(report.method()).isEqualTo(FollowMethod.ROW_VERSIONS);
            assertThat(report.reason()).isNotEmpty();
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            sides.move().build().cutOver("new");
            assertSame(sides);
        } finally {
            replication(server, true);
        }
        try (Sides sides = Sides.onShared()) {
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            assertThat(move.follow().reason()).contains("wal_level is replica");
        }
    }

    @Test
    void rowVersionsCanBeAskedFor() {
        try (Sides sides = sides()) {
            DatabaseMove move = sides.move().followBy(FollowMethod.ROW_VERSIONS).build();
            move.copy(progress -> {});
            assertThat(move.follow()).isEqualTo(new FollowReport(FollowMethod.ROW_VERSIONS, null, ""));
            assertThat(slots(sides.source)).isEmpty();
            sides.source.execute("INSERT INTO ${llmdb}.\"LLM_TagTable\" (tag_name) VALUES ('a')");
            assertThat(move.pass().heldBytes()).isZero();
            assertSame(sides);
        }
    }

    /** Whatever is done in whatever order, by transactions that overlap: after each pass both sides are the same. */
    @Test
    void anyChangesInAnyOrder() throws SQLException {
        Random dice = new Random(20261126);
        try (Sides sides = sides();
                Connection first = sides.source.dataSource().getConnection();
                Connection second = sides.source.dataSource().getConnection()) {
            first.setAutoCommit(false);
            second.setAutoCommit(false);
            DatabaseMove move = following(sides, MoveChoice.everything());
            for (int pass = 0; pass < 8; pass++) {
                for (int i = 0; i < 60; i++) {
                    // Names of their own, so that they do not wait for each other.
                    boolean one = dice.nextBoolean();
                    Connection connection = one ? first : second;
                    String name = (one ? "one " : "two ") + dice.nextInt(12);
                    try (Statement statement = connection.createStatement()) {
                        statement.execute(
                                switch (dice.nextInt(6)) {
                                    case 0, 1 ->
                                        "INSERT INTO llmdb.\"LLM_TagTable\" (tag_name, spend) VALUES ('" + name + "', "
                                                + dice.nextInt(99) + ") ON CONFLICT (tag_name) DO UPDATE SET spend ="
                                                + " excluded.spend";
                                    case 2 -> "DELETE FROM llmdb.\"LLM_TagTable\" WHERE tag_name = '" + name + "'";
                                    case 3 ->
                                        "UPDATE llmdb.\"LLM_TagTable\" SET tag_name = tag_name || 'x' WHERE tag_name = '"
                                                + name + "' AND NOT EXISTS (SELECT 1 FROM llmdb.\"LLM_TagTable\" WHERE"
                                                + " tag_name = '" + name + "x')";
                                    default -> "SELECT 1";
                                });
                    }
                    switch (dice.nextInt(5)) {
                        case 0 -> connection.commit();
                        case 1 -> connection.rollback();
                        default -> {
                            // goes on
                        }
                    }
                }
                move.pass();
                assertSame(sides);
            }
            first.commit();
            second.rollback();
            move.cutOver("new");
            assertSame(sides);
            assertThat(sides.target.count("LLM_TagTable")).isPositive();
        }
    }
}
