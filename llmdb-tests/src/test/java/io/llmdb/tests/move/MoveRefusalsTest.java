package io.llmdb.tests.move;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.error.DatabaseMovedException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveChoice;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.move.MoveException;
import io.llmdb.move.MovePhase;
import io.llmdb.testkit.PlantedBooks;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.World;
import java.sql.Connection;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** What a move refuses, and what it leaves behind where it fails: nothing. Each message says what to do next. */
class MoveRefusalsTest {

    @Test
    void stepsInTheWrongOrderSayWhatComesNext() {
        try (Sides sides = Sides.onShared()) {
            DatabaseMove move = sides.move().build();
            for (Runnable step : List.<Runnable>of(move::follow, move::pass, () -> move.cutOver("new"), move::verify)) {
                assertThatThrownBy(step::run).isInstanceOf(MoveException.class).hasMessageContaining("begin with copy");
            }
            move.copy(progress -> {});
            assertThatThrownBy(move::pass).isInstanceOf(MoveException.class).hasMessageContaining("call follow");
            move.follow();
            assertThatThrownBy(() -> move.copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("call pass");
            DatabaseMove other = DatabaseMove.from(Sides.endpoint(sides.target, "new"))
                    .to(Sides.endpoint(sides.target, "new"))
                    .build();
            assertThat(other.plan().problems())
                    .anySatisfy(problem -> assertThat(problem).contains("are the same database"));
            move.abandon();
        }
    }

    @Test
    void aTargetInUseIsRefusedOrMergedInto() {
        try (Sides sides = Sides.onShared();
                Sides third = Sides.onShared()) {
            LlmDb old = sides.source.open();
            old.admin().keys().create(VirtualKeySpec.of("old"));
            LlmDb other = sides.target.open();
            String own =
                    other.admin().keys().create(VirtualKeySpec.of("new")).key().hash();
            assertThatThrownBy(() -> sides.move().build().copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("holds other data in \"LLM_VerificationToken\"")
                    .hasMessageContaining("merge");
            DatabaseMove merge = sides.move().mergeIntoOtherData().build();
            merge.copy(progress -> {});
            merge.copy(progress -> {});
            assertThat(sides.target.count("LLM_VerificationToken")).isEqualTo(2);
            // The merged target is in use as before.
            other.admin().keys().block(own);
            sides.target.execute(
                    "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET key_alias = 'changed' WHERE key_alias = 'old'");
            assertThatThrownBy(() -> merge.copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("1 rows of \"LLM_VerificationToken\" are on the target with other content");

            DatabaseMove first = DatabaseMove.from(Sides.endpoint(sides.source, "old"))
                    .to(Sides.endpoint(third.target, "third"))
                    .build();
            first.copy(progress -> {});
            assertThatThrownBy(() -> third.move().build().copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("in use by a move from old");
            // Nobody but the move writes to a target before its cut-over.
            LlmDb early = third.target.open();
            assertThatThrownBy(() -> early.admin().keys().create(VirtualKeySpec.of("early")))
                    .isInstanceOf(DatabaseMovedException.class)
                    .hasMessageContaining("not finished");
        }
    }

    @Test
    void organizationsThatAreNeededHaveToComeAlong() {
        try (Sides sides = Sides.onShared()) {
            World.company(sides.source.open());
            DatabaseMove move = sides.move().choice(MoveChoice.required()).build();
            assertThatThrownBy(() -> move.copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("choose organizations too");
            assertThat(move.status().phase()).isEqualTo(MovePhase.NONE);
        }
    }

    @Test
    void whoMayNotReadOrOwnIsTold() throws Exception {
        try (Sides sides = Sides.onShared()) {
            try (Connection admin = sides.source.adminDataSource().getConnection();
                    Statement statement = admin.createStatement()) {
                statement.execute(
                        "DO $$ BEGIN CREATE ROLE llmdb_reader LOGIN PASSWORD 'reader'; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
                statement.execute("GRANT USAGE ON SCHEMA llmdb TO llmdb_reader");
            }
            PGSimpleDataSource reader = new PGSimpleDataSource();
            reader.setUrl(sides.source.jdbcUrl());
            reader.setUser("llmdb_reader");
            reader.setPassword("reader");
            DatabaseMove move = DatabaseMove.from(new MoveEndpoint(reader, "llmdb", "old"))
                    .to(Sides.endpoint(sides.target, "new"))
                    .build();
            assertThatThrownBy(() -> move.copy(progress -> {})).isInstanceOf(MoveException.class);
            sides.source.execute("GRANT SELECT ON ALL TABLES IN SCHEMA llmdb TO llmdb_reader");
            move.copy(progress -> {});
            assertThatThrownBy(move::follow)
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("connect as the tables' owner");
            assertThat(move.status().phase()).isEqualTo(MovePhase.COPIED);
        }
    }

    @Test
    void aSourceOfAnotherVersionIsRefused() {
        try (Sides sides = Sides.onShared()) {
            sides.source.execute("DELETE FROM ${llmdb}.llmdb_schema_history WHERE installed_rank ="
                    + " (SELECT max(installed_rank) FROM ${llmdb}.llmdb_schema_history)");
            assertThatThrownBy(() -> sides.move().build().copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("migrate it first");
            assertThat(sides.move().build().status().phase()).isEqualTo(MovePhase.NONE);
        }
    }

    @Test
    void aLostConnectionLeavesWhatWasCopied() throws Exception {
        try (Sides sides = Sides.onShared()) {
            PlantedBooks.plant(sides.source, 50, 5_000);
            try (TcpProxy proxy = TcpProxy.to(sides.source)) {
                DatabaseMove move = DatabaseMove.from(new MoveEndpoint(proxy.dataSource(), "llmdb", "old"))
                        .to(Sides.endpoint(sides.target, "new"))
                        .parallelism(1)
                        .build();
                assertThatThrownBy(() -> move.copy(progress -> {
                            if (progress.unitsDone() == 3) {
                                proxy.cutAll();
                            }
                        }))
                        .isInstanceOf(MoveException.class)
                        .hasMessageContaining("connection was lost")
                        .hasMessageContaining("copy goes on where this ended");
                assertThat(move.status().unitsDone()).isGreaterThanOrEqualTo(3);
                sides.source.execute("UPDATE ${llmdb}.\"LLM_VerificationToken\" SET key_alias = 'since then'");
                sides.source.execute(
                        "DELETE FROM ${llmdb}.\"LLM_VerificationToken\" WHERE token = ?", PlantedBooks.hash(3));
                assertThat(move.copy(progress -> {}).resumedUnits()).isGreaterThanOrEqualTo(3);
                move.verify();
                assertThat(sides.target.count("LLM_VerificationToken")).isEqualTo(49);
            }
        }
    }

    @Test
    void aFullDiskIsSaidAndNothingIsHalfDone() throws Exception {
        try (FullDisk disk = FullDisk.of(24);
                PostgresServer second = PostgresServer.startEmbedded(Map.of("autovacuum", "off"));
                Sides sides = Sides.on(PostgresServer.shared(), second)) {
            PlantedBooks.plant(sides.source, 100, 100_000);
            disk.holdTablesOf(sides.target);
            DatabaseMove move = sides.move().parallelism(1).build();
            assertThatThrownBy(() -> move.copy(progress -> {}))
                    .isInstanceOf(MoveException.class)
                    .hasMessageContaining("cannot write to its disk")
                    .hasMessageContaining("goes on where this ended");
            assertThat(move.status().phase()).isEqualTo(MovePhase.COPYING);
            disk.grow(600);
            move.copy(progress -> {});
            assertThat(move.status().phase()).isEqualTo(MovePhase.COPIED);
            assertThat(sides.target.count("LLM_SpendLogs")).isEqualTo(100_000);
        }
    }
}
