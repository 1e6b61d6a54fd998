package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.FollowMethod;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.World;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** From the oldest server that works to the newest, and back; other people's tables stay as they are. */
class MoveVersionsTest {

    @Test
    void fromPostgres14To18AndBack() {
        try (PostgresServer oldest = Servers.start(14, Map.of());
                PostgresServer newest = Servers.start(18, Map.of())) {
            moves(oldest, newest, FollowMethod.ROW_VERSIONS);
            moves(newest, oldest, FollowMethod.ROW_VERSIONS);
        }
    }

    @Test
    void byLogicalReplicationToo() {
        try (PostgresServer oldest = Servers.start(14, Map.of("wal_level", "logical"));
                PostgresServer newest = Servers.start(18, Map.of("wal_level", "logical"))) {
            LogicalReplicationTest.replication(oldest, true);
            LogicalReplicationTest.replication(newest, true);
            moves(oldest, newest, FollowMethod.LOGICAL_REPLICATION);
            moves(newest, oldest, FollowMethod.LOGICAL_REPLICATION);
        }
    }

    private static void moves(PostgresServer from, PostgresServer to, FollowMethod method) {
        try (Sides sides = Sides.on(from, to)) {
            LlmDb old = sides.source.open();
            World world = World.company(old);
            SpendEvents traffic = world.traffic(3).endUsers(4).failing(0.2);
            traffic.take(60).forEach(old.spend()::record);
            sides.target.execute("""
                    CREATE SCHEMA "Zweit-Haus$2"; CREATE TABLE "Zweit-Haus$2".theirs (id int PRIMARY KEY, note text);
                    INSERT INTO "Zweit-Haus$2".theirs VALUES (1, 'stays')""");
            // A user's own generated column and identity on our table: left where they are, or made anew.
            sides.source.execute("""
                    ALTER TABLE ${llmdb}."LLM_TagTable" ADD COLUMN shout text GENERATED ALWAYS AS (upper(tag_name)) STORED""");
            DatabaseMove move = sides.move().build();
            move.copy(progress -> {});
            assertThat(move.follow().method()).isEqualTo(method);
            move.pass();
            move.pass();
            traffic.take(20).forEach(old.spend()::record);
            old.admin().keys().delete(world.keysOf("interns").get(0).key().hash());
            move.cutOver("new");
            LlmDb fresh = sides.openTarget();
            old.handOver(fresh);
            traffic.take(20).forEach(old.spend()::record);
            assertThat(fresh.authenticate(world.rawKey())).isNotNull();
            fresh.admin().keys().block(world.key().key().hash());
            old.close();
            fresh.close();
            assertThat(sides.target.books()).agree().haveRequests(100).haveNoDeadLetters();
            assertThat(sides.target.value(String.class, "SELECT note FROM \"Zweit-Haus$2\".theirs"))
                    .isEqualTo("stays");
        }
    }
}
