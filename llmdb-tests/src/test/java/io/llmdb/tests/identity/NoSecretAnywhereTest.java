package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.audit.AuditFilter;
import io.llmdb.budgets.Admission;
import io.llmdb.budgets.Call;
import io.llmdb.common.Actor;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.Caller;
import io.llmdb.keys.DueRotations;
import io.llmdb.keys.IssuedKey;
import io.llmdb.keys.KeyFilter;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.models.CredentialKeys;
import io.llmdb.models.ProxyModel;
import io.llmdb.models.ProxyModelSpec;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.Secret;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.RequestError;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.CapturedLog;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.SecretScan;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/**
 * A day in the life of a proxy, with many secrets: then none of them is in any table, in the log of any level, in the
 * server's log, in an exception, or in any {@code toString}.
 */
@LlmDbTest
class NoSecretAnywhereTest {

    private static final String DATABASE_PASSWORD = "database-pw-9f3kZq81";
    private static final String SALT = "salt-key-of-the-proxy-7Hs2kd93Lq";
    private static final String NEXT_SALT = "next-salt-key-of-the-proxy-Qm47xPz0";
    private static final String CREDENTIAL = "provider-credential-Jx82Kp01Zz";
    private static final String OTHER_CREDENTIAL = "provider-credential-Vb55Rt63Yy";
    private static final String PASSWORD_HASH = "scrypt$16384$8$1$h4shOfApassw0rd";
    private static final String OWN_KEY = "sk-brought-along-Wq39Lm57";

    private final List<String> secrets =
            new ArrayList<>(List.of(DATABASE_PASSWORD, SALT, NEXT_SALT, CREDENTIAL, OTHER_CREDENTIAL, OWN_KEY));
    private final List<String> texts = new ArrayList<>();

    @Test
    void afterADayOfWork(TestDatabase database) throws Exception {
        String role = "secretive_" + database.name();
        try (var connection = database.adminDataSource().getConnection();
                var statement = connection.createStatement()) {
            statement.execute("CREATE ROLE " + role + " LOGIN IN ROLE " + database.user() + " PASSWORD '"
                    + DATABASE_PASSWORD + "'");
        }
        String url = database.databaseUrl()
                .replace(
                        "//" + database.user() + ":" + database.password() + "@",
                        "//" + role + ":" + DATABASE_PASSWORD + "@");
        String log;
        try (CapturedLog captured = CapturedLog.start()) {
            LlmDbSettings settings = database.settings()
                    .connection(connection -> connection.databaseUrl(url))
                    .audit(audit -> audit.storeAuditLogs(true))
                    .models(models -> models.storeModelInDb(true).saltKey(Secret.of(SALT)))
                    .delivery(delivery -> delivery.mode(DeliveryMode.MEMORY).longestWait(Duration.ofMillis(10)))
                    .build();
            said(settings);
            said(settings.effective());
            try (LlmDb db = LlmDb.open(settings)) {
                said(db);
                day(db);
                said(db.authenticator().metrics());
                said(db.spend().metrics());
                assertThat(db.spend().flush(Duration.ofSeconds(20))).isTrue();
                assertThat(db.spend().deadLetters().count()).isPositive();
                said(db.spend().deadLetters().list(PageRequest.first(10)));
                said(db.admin().auditLog().list(AuditFilter.all(), PageRequest.first(200)));
                assertThat(db.admin()
                                .auditLog()
                                .list(AuditFilter.all(), PageRequest.first(200))
                                .items())
                        .hasSizeGreaterThan(20);
            }
            log = captured.text();
        }
        assertThat(log).contains("DEBUG io.llmdb");

        // Passwords' hashes have to be kept; but they are in their column alone.
        database.execute("UPDATE ${llmdb}.\"LLM_UserTable\" SET password = NULL");
        secrets.add(PASSWORD_HASH);
        SecretScan scan = SecretScan.of(secrets).over(database).over("the log", log);
        for (String text : texts) {
            scan.over("a text of ours", text);
        }
        scan.foundNothing();
        assertThat(scan.searched()).isGreaterThan(50_000);
        // It would find one.
        assertThat(SecretScan.of(secrets)
                        .over("a text", "key " + OWN_KEY.substring(3))
                        .findings())
                .isNotEmpty();
    }

    private void day(LlmDb db) throws Exception {
        Repositories admin = said(db.admin(new Actor("admin", "ad".repeat(32))));
        admin.budgets().create(BudgetSpec.of(BudgetTerms.of("100", "1d")), "tier");
        String organization = said(admin.organizations()
                        .create(OrganizationSpec.of("Acme").withBudgetId("tier")))
                .id();
        String team = said(admin.teams().create(TeamSpec.of("red").withOrganizationId(organization)))
                .id();
        String user = said(admin.users().create(UserSpec.of("ann@example.org").withPasswordHash(PASSWORD_HASH)))
                .id();
        said(admin.users()
                .update(user, spec -> spec.withPasswordHash(PASSWORD_HASH + "2").withRole("internal_user")));
        said(admin.teamMemberships().add(team, user, TeamMembershipSpec.of(TeamRole.ADMIN)));
        said(admin.invitations().accept(admin.invitations().create(user).id()));
        said(admin.modelAccessRequests()
                .approve(admin.modelAccessRequests()
                        .create(user, List.of("gpt-4o"), "please")
                        .id()));

        // What an administrator writes into metadata is shown as it is; the audit log alone redacts it.
        IssuedKey first = admin.keys()
                .create(VirtualKeySpec.of("first")
                        .withUserId(user)
                        .withTeamId(team)
                        .withRotationInterval(BudgetDuration.parse("rotation_interval", "1d"))
                        .withBudget(BudgetTerms.of("10"))
                        .withMetadata(Map.of("note", "a note", "api_key", CREDENTIAL + "-in-metadata")));
        secrets.add(first.rawKey());
        admin.keys().update(first.key().hash(), spec -> spec.withMetadata(Map.of("note", "another")));
        said(admin.keys().create(VirtualKeySpec.of("own"), OWN_KEY));
        failed(() -> admin.keys().create(VirtualKeySpec.of("again"), OWN_KEY));
        failed(() -> admin.keys().require(OWN_KEY));
        failed(() -> admin.keys().rotate(first.rawKey(), Duration.ZERO));
        db.catchUp();
        spend(db, first);
        IssuedKey second = issued(admin.keys().rotate(first.key().hash(), Duration.ofHours(1)));
        IssuedKey third = issued(admin.keys().rotate(second.key().hash(), Duration.ZERO));
        DueRotations due = admin.keys().rotateDue(Duration.ofMinutes(5), this::issued);
        said(due);
        db.catchUp();
        failed(() -> db.authenticate(second.rawKey()));
        failed(() -> db.authenticate(third.rawKey() + "x"));
        failed(() -> db.authenticate("sk-" + "y".repeat(2000)));
        spend(db, third);
        said(admin.keys().list(KeyFilter.all(), PageRequest.first(10)));
        admin.keys().blockKeysOfTeam(team);
        db.catchUp();
        failed(() -> db.authenticate(third.rawKey()));
        admin.keys().unblockKeysOfTeam(team);

        ProxyModel model = said(admin.models()
                .create(ProxyModelSpec.of(
                        "gpt-4o",
                        Map.of(
                                "model",
                                "openai/gpt-4o",
                                "api_key",
                                CREDENTIAL,
                                "headers",
                                Map.of("authorization", "Bearer " + CREDENTIAL)))));
        said(admin.models()
                .update(
                        model.id(),
                        spec -> spec.withParams(Map.of("model", "openai/gpt-4o", "api_key", OTHER_CREDENTIAL))));
        db.catchUp();
        said(db.modelCatalog().orElseThrow().named("gpt-4o"));
        CredentialKeys from = said(CredentialKeys.parse(SALT));
        CredentialKeys to = said(CredentialKeys.parse(NEXT_SALT));
        said(admin.models().rotateCredentials(from, to, this::said));
        failed(() -> admin.models().require(model.id()));

        admin.keys().delete(third.key().hash());
        said(admin.teams().delete(team));
        said(admin.users().delete(user));
    }

    /** Calls that end well, in an error that quotes the key, and among the dead letters. */
    private void spend(LlmDb db, IssuedKey key) {
        Caller caller = said(db.authenticate(key.rawKey()));
        try (Admission admission =
                said(db.budgets().admit(caller, Call.of("gpt-4o").withEstimate(new BigDecimal("0.5"))))) {
            SpendEvent event = said(admission
                    .event()
                    .cost(new BigDecimal("0.25"))
                    .metadata("{\"headers\": {\"authorization\": \"Bearer " + key.rawKey() + "\"}}")
                    .error(new RequestError(
                            "AuthenticationError",
                            "Incorrect API key provided: " + key.rawKey() + ". You can find yours at ...",
                            "401",
                            "{\"api_key\": \"" + key.rawKey() + "\"}"))
                    .build());
            admission.settle(event);
            assertThat(db.spend().flush(Duration.ofSeconds(20))).isTrue();
            db.spend()
                    .record(said(event.toBuilder().cost(new BigDecimal("0.75")).build()));
        }
        assertThat(db.spend().flush(Duration.ofSeconds(20))).isTrue();
    }

    private IssuedKey issued(IssuedKey key) {
        secrets.add(key.rawKey());
        return said(key);
    }

    private <T> T said(T value) {
        texts.add(String.valueOf(value));
        return value;
    }

    private void failed(Callable<?> work) throws Exception {
        Exception failure = null;
        try {
            work.call();
        } catch (RuntimeException e) {
            failure = e;
        }
        assertThat(failure).isNotNull();
        java.io.StringWriter trace = new java.io.StringWriter();
        failure.printStackTrace(new java.io.PrintWriter(trace));
        texts.add(trace.toString());
    }
}
