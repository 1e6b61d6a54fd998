package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.LlmDb;
import io.llmdb.common.BudgetTerms;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.keys.Caller;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.CapturedLog;
import io.llmdb.testkit.LlmDbExtension;
import io.llmdb.testkit.RecordingSink;
import io.llmdb.testkit.SecretScan;
import io.llmdb.testkit.TcpProxy;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.testkit.TestkitException;
import io.llmdb.testkit.World;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class WorldTest {

    @RegisterExtension
    static final LlmDbExtension LLMDB =
            LlmDbExtension.create().withSchema("company").throughProxy();

    @Test
    void isMadeThroughTheRepositories(LlmDb db, TcpProxy proxy) {
        World world = World.company(db);
        assertThat(world.keys()).hasSize(22);
        assertThat(world.keysOf("interns")).hasSize(4);
        assertThat(world.keysOf("anna")).isEqualTo(world.keysOf("research").subList(0, 2));
        assertThat(world.payers()).doesNotHaveDuplicates();
        for (String rawKey : world.rawKeys()) {
            Caller caller = db.authenticator().authenticate(rawKey);
            assertThat(caller.team()).isNotNull();
            assertThat(caller.organizationMembership()).isNotNull();
            assertThat(caller.teamMembership()).isNotNull();
        }
        assertThat(db.admin().teams().require("support").spec().budget().maxBudget())
                .isEqualByComparingTo("50");
        assertThat(proxy.openConnections()).isPositive();
        assertThatThrownBy(() -> World.company(db)).isInstanceOf(AlreadyExistsException.class);
    }

    @Test
    void saysWhatItsPlanLacks(LlmDb db) {
        assertThatThrownBy(() -> World.in(db).members(1)).isInstanceOf(TestkitException.class);
        assertThatThrownBy(() -> World.in(db).team("a").keys(1)).isInstanceOf(TestkitException.class);
        World world = World.in(db).users(1, BudgetTerms.of("3")).keys(1).create();
        assertThat(db.authenticator().authenticate(world.rawKey()).isPersonal()).isTrue();
        assertThatThrownBy(() -> world.keysOf("nobody")).hasMessageContaining("anna");
    }

    @Test
    void itsTrafficIsBooked(LlmDb db, TestDatabase database, RecordingSink sink) {
        World world = World.company(db);
        List<SpendEvent> events = world.traffic(5)
                .from(database.clock().now().minusSeconds(60), 20)
                .take(300);
        events.forEach(db.spend()::record);
        assertThat(sink.await(300, Duration.ofSeconds(30))).containsExactlyInAnyOrderElementsOf(events);
        assertThat(database.books()).agree().holdExactly(events).haveNoDeadLetters();
    }

    /** What the scan must find, it finds; and the library leaves nothing. */
    @Test
    void itsKeysAreNowhere(TestDatabase database) {
        try (CapturedLog log = CapturedLog.start("io.llmdb")) {
            LlmDb db = database.open();
            World world = World.company(db);
            db.authenticator().authenticate(world.rawKey());
            SecretScan scan = SecretScan.of(world.rawKeys())
                    .over(database)
                    .over("log", log.text())
                    .over("toString", world + " " + world.keys());
            scan.foundNothing();
            assertThat(scan.searched()).isGreaterThan(5_000);
            assertThat(log.entries()).isNotEmpty();

            String secret = world.rawKey();
            database.execute(
                    "UPDATE ${llmdb}.\"LLM_TeamTable\" SET metadata = jsonb_build_object('note', ?::text)",
                    "x" + secret);
            assertThat(SecretScan.of(Set.of(secret)).over(database).findings())
                    .isNotEmpty()
                    .allSatisfy(finding ->
                            assertThat(finding).contains("LLM_TeamTable").doesNotContain(secret));
            byte[] bytes = ("ab" + secret + "c").getBytes(StandardCharsets.UTF_8);
            for (String hidden : List.of(
                    secret.substring(3),
                    HexFormat.of().formatHex(bytes),
                    Base64.getEncoder().encodeToString(bytes),
                    Base64.getUrlEncoder().encodeToString(secret.getBytes(StandardCharsets.UTF_8)))) {
                assertThatThrownBy(() -> SecretScan.of(Set.of(secret))
                                .over("text", hidden)
                                .foundNothing())
                        .isInstanceOf(AssertionError.class);
            }
        }
    }
}
