package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditEntry;
import io.llmdb.audit.AuditFilter;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.Await;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

@LlmDbTest
class AuditLogTest {

    private static final Instant START = Instant.parse("2031-05-05T05:05:05.123456Z");

    @Test
    void aRowSaysWhoDidWhatWhenAndTheRowBeforeAndTheValuesAfter(TestDatabase database, DatabaseClock clock) {
        clock.freeze(START);
        People people = People.of(database);
        people.teams().create(TeamSpec.of("one").withBudget(BudgetTerms.of("5.50")), "t");
        clock.advance(Duration.ofMinutes(1));
        Actor other = new Actor("ops", "");
        people.teams().as(other).update("t", spec -> spec.withAlias("two").withModels(List.of("m")));
        clock.advance(Duration.ofMinutes(1));
        people.teams().delete("t");

        List<AuditEntry> history = people.history("LLM_TeamTable", "t");

        assertThat(history)
                .extracting(AuditEntry::action)
                .containsExactly(AuditAction.DELETED, AuditAction.UPDATED, AuditAction.CREATED);
        AuditEntry created = history.get(2);
        assertThat(created.at()).isEqualTo(Instant.parse("2031-05-05T05:05:05.123Z"));
        assertThat(created.id().version()).isEqualTo(7);
        assertThat(created.id().getMostSignificantBits() >>> 16)
                .isEqualTo(created.at().toEpochMilli());
        assertThat(created.actorId()).isEqualTo(People.ADMIN.id());
        assertThat(created.actorKeyHash()).isEqualTo(People.ADMIN.keyHash());
        assertThat(created.before()).isNull();
        assertThat(created.after()).containsEntry("team_alias", "one").containsEntry("blocked", false);
        assertThat(created.after().get("max_budget")).hasToString("5.5");

        AuditEntry updated = history.get(1);
        assertThat(updated.actorId()).isEqualTo("ops");
        assertThat(updated.actorKeyHash()).isEmpty();
        assertThat(updated.before()).containsEntry("team_alias", "one").containsEntry("models", List.of());
        assertThat(updated.after())
                .containsEntry("team_alias", "two")
                .containsEntry("models", List.of("m"))
                .containsOnlyKeys("team_alias", "models", "updated_at");

        AuditEntry deleted = history.get(0);
        assertThat(deleted.before()).containsEntry("team_alias", "two");
        assertThat(deleted.after()).isNull();
        assertThat(people.auditLog().find(deleted.id())).contains(deleted);
    }

    @Test
    void isReadByObjectActorActionTableAndTimeInPagesNewestFirst(TestDatabase database, DatabaseClock clock) {
        clock.freeze(START);
        People people = People.of(database);
        Actor ops = new Actor("ops", "0b".repeat(32));
        for (int i = 0; i < 6; i++) {
            // Several within one millisecond keep their order.
            clock.advance(i < 3 ? Duration.ofNanos(2000) : Duration.ofSeconds(1));
            (i % 2 == 0 ? people.teams() : people.teams().as(ops)).create(TeamSpec.empty(), "t" + i);
        }
        clock.advance(Duration.ofSeconds(1));
        people.users().create(UserSpec.empty(), "t1");
        people.teams().block("t1");

        assertThat(objects(people, AuditFilter.all().withTable("LLM_TeamTable").withAction(AuditAction.CREATED)))
                .containsExactly("t5", "t4", "t3", "t2", "t1", "t0");
        assertThat(objects(people, AuditFilter.all())).hasSize(8);
        assertThat(objects(people, AuditFilter.all().withActorId("ops"))).containsExactly("t5", "t3", "t1");
        assertThat(objects(people, AuditFilter.all().withActorKeyHash(ops.keyHash())))
                .containsExactly("t5", "t3", "t1");
        assertThat(objects(people, AuditFilter.of("LLM_UserTable", "t1"))).hasSize(1);
        assertThat(objects(people, AuditFilter.of("LLM_TeamTable", "t1"))).hasSize(2);
        assertThat(objects(people, AuditFilter.of("LLM_TeamTable", "t1").withAction(AuditAction.BLOCKED)))
                .hasSize(1);
        assertThat(objects(people, AuditFilter.all().within(START.plusSeconds(1), START.plusSeconds(3))))
                .containsExactly("t4", "t3");
        String next =
                people.auditLog().list(AuditFilter.all(), PageRequest.first(1)).next();
        assertThatThrownBy(() -> people.auditLog()
                        .list(
                                AuditFilter.of("LLM_TeamTable", "t1"),
                                PageRequest.first(1).after(next)))
                .isInstanceOf(InvalidArgumentException.class);
    }

    @Test
    void secretsAreLeftOut(TestDatabase database) {
        People people = People.of(database);
        String key = "sk-" + "Zq3".repeat(12);
        String password = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub";
        people.users()
                .create(
                        UserSpec.empty()
                                .withPasswordHash(password)
                                .withMetadata(Map.of(
                                        "note",
                                        "use " + key + " please",
                                        key,
                                        "as a name",
                                        "api_key",
                                        "not-a-known-form",
                                        "nested",
                                        Map.of(
                                                "client_secret",
                                                "hush",
                                                "list",
                                                List.of("Bearer " + "abcdefgh12345678")),
                                        "signingKey",
                                        "camel-form",
                                        "pwd",
                                        "hunter2",
                                        "max_tokens",
                                        100,
                                        "monkey",
                                        "stays")),
                        "u");
        people.users().update("u", spec -> spec.withPasswordHash("changed-hash"));
        people.users().delete("u");

        String log = database.rows("SELECT * FROM ${llmdb}.\"LLM_AuditLog\"").toString();
        assertThat(log)
                .doesNotContain(key)
                .doesNotContain(password)
                .doesNotContain("changed-hash")
                .doesNotContain("not-a-known-form")
                .doesNotContain("camel-form")
                .doesNotContain("hunter2")
                .doesNotContain("hush")
                .doesNotContain("abcdefgh12345678")
                .contains("\"max_tokens\": 100")
                .contains("stays");
        AuditEntry update = people.history("LLM_UserTable", "u").get(1);
        // That it changed is told, to what is not.
        assertThat(update.after()).containsEntry("password", "***");
        assertThat(people.users().find("u")).isEmpty();
    }

    @Test
    void anActorGivesNoRawKey() {
        assertThatThrownBy(() -> new Actor("ann", "sk-1234567890abcdef"))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageNotContaining("1234567890abcdef");
    }

    @Test
    void switchedOffItCostsNoStatement(TestDatabase database) {
        FailingDataSource counting = new FailingDataSource(database.dataSource());
        int[] statements = new int[2];
        for (boolean audited : new boolean[] {true, false}) {
            People people = People.of(counting, database.schema(), audited);
            String suffix = audited ? "on" : "off";
            counting.failAt(0);
            people.users().create(UserSpec.empty(), "u" + suffix);
            people.teams().create(TeamSpec.empty(), "t" + suffix);
            people.teamMembers().add("t" + suffix, "u" + suffix, TeamMembershipSpec.of(TeamRole.USER));
            people.teams().block("t" + suffix);
            people.invitations()
                    .accept(people.invitations().create("u" + suffix).id());
            people.teams().delete("t" + suffix);
            people.users().delete("u" + suffix);
            statements[audited ? 0 : 1] = counting.statements();
        }

        List<Map<String, Object>> rows = database.rows("SELECT object_id FROM ${llmdb}.\"LLM_AuditLog\"");
        // user, team, member, block, invite, accept; deleted: team, member, user, invitation
        assertThat(rows)
                .hasSize(10)
                .noneMatch(row -> row.get("object_id").toString().contains("off"));
        // One INSERT for each row, and the row before an acceptance is read for the log alone.
        assertThat(statements[0] - statements[1]).isEqualTo(10 + 1);
    }

    private static List<String> objects(People people, AuditFilter filter) {
        List<AuditEntry> whole =
                people.auditLog().list(filter, PageRequest.first(100)).items();
        assertThat(People.all(2, page -> people.auditLog().list(filter, page))).isEqualTo(whole);
        assertThat(whole)
                .isSortedAccordingTo(
                        (one, other) -> other.id().toString().compareTo(one.id().toString()));
        return whole.stream().map(AuditEntry::objectId).toList();
    }

    /**
     * The row is on its way to the default partition while the partition of its month is made: PostgreSQL refuses it
     * there, and the whole change is made once more.
     */
    @Test
    void aChangeWhoseMonthGetsItsPartitionMeanwhileIsMadeOnce(TestDatabase database, DatabaseClock clock)
            throws Exception {
        clock.freeze(START);
        People people = People.of(database);
        AtomicInteger attempts = new AtomicInteger();
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try (Connection maker = database.adminDataSource().getConnection();
                Statement statement = maker.createStatement()) {
            people.teams().create(TeamSpec.of("before"), "t");
            assertThat(database.count("LLM_AuditLog_pdefault")).isEqualTo(1);
            clock.advance(Duration.ofSeconds(1));
            maker.setAutoCommit(false);
            statement.execute("SELECT " + database.schema()
                    + ".llmdb_make_partition('LLM_AuditLog', '2031-05-01T00:00Z', '2031-06-01T00:00Z')");
            Future<?> change = threads.submit(() -> people.teams().update("t", spec -> {
                attempts.incrementAndGet();
                return spec.withAlias("after");
            }));
            Await.until(
                    "the audit row waits for the default partition",
                    Duration.ofSeconds(30),
                    () -> database.value(
                                    Long.class,
                                    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                                            + " WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted")
                            > 0);
            maker.commit();
            change.get(30, TimeUnit.SECONDS);
        } finally {
            threads.shutdown();
        }

        assertThat(attempts).hasValue(2);
        assertThat(people.teams().require("t").spec().alias()).isEqualTo("after");
        assertThat(people.history("LLM_TeamTable", "t"))
                .extracting(AuditEntry::action)
                .containsExactly(AuditAction.UPDATED, AuditAction.CREATED);
        assertThat(database.count("LLM_AuditLog_pdefault")).isZero();
    }
}
