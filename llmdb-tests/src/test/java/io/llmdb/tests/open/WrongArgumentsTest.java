package io.llmdb.tests.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.llmdb.LlmDb;
import io.llmdb.budgets.Call;
import io.llmdb.common.BudgetDuration;
import io.llmdb.common.BudgetLimit;
import io.llmdb.common.BudgetTerms;
import io.llmdb.common.PageRequest;
import io.llmdb.common.RateLimits;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.BudgetSpec;
import io.llmdb.identity.EndUserSpec;
import io.llmdb.identity.OrganizationSpec;
import io.llmdb.identity.TagSpec;
import io.llmdb.identity.TeamFilter;
import io.llmdb.identity.TeamMembershipSpec;
import io.llmdb.identity.TeamRole;
import io.llmdb.identity.TeamSpec;
import io.llmdb.identity.UserSpec;
import io.llmdb.keys.UnknownKeyException;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.models.ProxyModelSpec;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/**
 * Every wrong argument gives the error that a person would want: which argument, its value, what is allowed; and leaves
 * nothing behind.
 */
@LlmDbTest
class WrongArgumentsTest {

    private static final String RAW_KEY = "sk-a-key-that-nobody-may-read";
    private static final String NUL = "a\0b";

    private interface Attempt {
        void run(LlmDb db);
    }

    private record Case(String name, Class<? extends LlmDbException> type, List<String> says, Attempt attempt) {}

    private final List<Case> cases = new ArrayList<>();

    private void wrong(String name, Class<? extends LlmDbException> type, Attempt attempt, String... says) {
        cases.add(new Case(name, type, List.of(says), attempt));
    }

    private void invalid(String name, Attempt attempt, String... says) {
        wrong(name, InvalidArgumentException.class, attempt, says);
    }

    @Test
    void saysWhatIsWrong(LlmDb db, TestDatabase database) {
        List<Map<String, Object>> before = rows(database);
        amounts();
        durations();
        texts();
        keys();
        links();
        pages();
        events();
        models();

        List<String> missed = new ArrayList<>();
        for (Case wrong : cases) {
            Throwable thrown = catchThrowable(() -> wrong.attempt.run(db));
            String message = thrown == null ? "nothing was thrown" : String.valueOf(thrown.getMessage());
            boolean right = wrong.type.isInstance(thrown)
                    && wrong.says.stream().allMatch(message::contains)
                    && !message.contains(RAW_KEY);
            System.out.printf("%-55s %s%n", wrong.name, message);
            if (!right) {
                missed.add(wrong.name + ": wanted " + wrong.type.getSimpleName() + " that says " + wrong.says + ", was "
                        + thrown);
            }
        }
        assertThat(missed).isEmpty();
        assertThat(rows(database)).as("what is stored").isEqualTo(before);
    }

    private static List<Map<String, Object>> rows(TestDatabase database) {
        return List.copyOf(database.rows("""
                SELECT (SELECT count(*) FROM ${llmdb}."LLM_VerificationToken") AS keys, (SELECT count(*) FROM ${llmdb}."LLM_TeamTable") AS teams,
                       (SELECT count(*) FROM ${llmdb}."LLM_UserTable") AS users, (SELECT count(*) FROM ${llmdb}."LLM_BudgetTable") AS budgets,
                       (SELECT count(*) FROM ${llmdb}."LLM_OrganizationTable") AS organizations,
                       (SELECT count(*) FROM ${llmdb}."LLM_TagTable") AS tags, (SELECT count(*) FROM ${llmdb}."LLM_EndUserTable") AS end_users,
                       (SELECT count(*) FROM ${llmdb}."LLM_TeamMembership") AS members,
                       (SELECT count(*) FROM ${llmdb}."LLM_SpendLogs") AS log"""));
    }

    private void amounts() {
        invalid("max_budget -1", db -> BudgetTerms.of("-1"), "max_budget", "-1", "negative");
        invalid(
                "soft_budget -0.01",
                db -> BudgetTerms.UNLIMITED.withSoftBudget(new BigDecimal("-0.01")),
                "soft_budget",
                "-0.01");
        invalid(
                "max_budget 1e400",
                db -> BudgetTerms.UNLIMITED.withMaxBudget(new BigDecimal("1e400")),
                "max_budget",
                "digits");
        invalid("a further limit below zero", db -> BudgetLimit.of("-5", "1d"), "-5");
        invalid(
                "two further limits of one length",
                db -> BudgetTerms.UNLIMITED.withFurtherLimits(
                        List.of(BudgetLimit.of("5", "1d"), BudgetLimit.of("6", "1d"))),
                "budget_limits");
        invalid("tpm_limit -1", db -> new RateLimits(-1L, null, null), "tpm_limit", "-1");
        invalid("rpm_limit -1", db -> new RateLimits(null, -1L, null), "rpm_limit", "-1");
        invalid("max_parallel_requests -1", db -> new RateLimits(null, null, -1L), "max_parallel_requests", "-1");
        invalid("estimate -1", db -> Call.of("gpt-4o").withEstimate(new BigDecimal("-1")), "estimate", "-1");
        invalid("estimated tokens -1", db -> Call.of("gpt-4o").withEstimatedTokens(-1), "estimatedTokens", "-1");
        invalid("an end user with a NUL", db -> Call.of("gpt-4o").withEndUser("a\0b"), "endUser", "NUL");
        invalid("a tag of 601 characters", db -> Call.of("gpt-4o").withTags(List.of("x".repeat(601))), "tag", "601");
    }

    private void durations() {
        for (String text :
                List.of("1x", "d", "0d", "-1d", "1.5h", "1d ", "1 d", "99999999999999d", "1d1h", "1M", "١d")) {
            invalid(
                    "budget_duration \"" + text + "\"",
                    db -> BudgetDuration.parse("budget_duration", text),
                    "budget_duration",
                    text.strip());
        }
        invalid("a duration of no length in a budget", db -> BudgetTerms.of("1", "0s"), "duration", "0s");
    }

    private void texts() {
        invalid("an empty team id", db -> db.admin().teams().create(TeamSpec.empty(), ""), "team_id", "empty");
        invalid(
                "a team id of 700 characters",
                db -> db.admin().teams().create(TeamSpec.empty(), "t".repeat(700)),
                "team_id",
                "700",
                "at most 600");
        invalid("NUL in an alias", db -> TeamSpec.of(NUL), "alias", "NUL", "position 1");
        invalid("NUL in a user's id", db -> db.admin().users().create(UserSpec.empty(), NUL), "user_id", "NUL");
        invalid(
                "NUL in metadata",
                db -> db.admin().teams().create(TeamSpec.empty().withMetadata(Map.of("note", NUL)), "t"),
                "metadata",
                "NUL");
        invalid(
                "half a character in metadata",
                db -> db.admin().teams().create(TeamSpec.empty().withMetadata(Map.of("note", "\ud800")), "t"),
                "metadata.note",
                "d800");
        invalid(
                "metadata of no JSON",
                db -> db.admin().teams().create(TeamSpec.empty().withMetadata(Map.of("at", new Object())), "t"),
                "metadata");
    }

    private void keys() {
        invalid(
                "an own key without sk-",
                db -> db.admin().keys().create(VirtualKeySpec.empty(), "pk-1234567890123456"),
                "sk-");
        invalid(
                "an own key of ten characters",
                db -> db.admin().keys().create(VirtualKeySpec.empty(), "sk-1234567"),
                "16");
        wrong(
                "an own key twice",
                AlreadyExistsException.class,
                db -> db.inTransaction(admin -> {
                    admin.keys().create(VirtualKeySpec.empty(), RAW_KEY);
                    return admin.keys().create(VirtualKeySpec.empty(), RAW_KEY);
                }));
        wrong("a key that was never issued", UnknownKeyException.class, db -> db.authenticate(RAW_KEY));
        wrong("a key that is none", UnknownKeyException.class, db -> db.authenticate("hello"));
        wrong("no key", UnknownKeyException.class, db -> db.authenticate(""));
        wrong(
                "rotating an unknown key",
                NotFoundException.class,
                db -> db.admin().keys().rotate("00ff", Duration.ZERO),
                "00ff");
        invalid("a negative grace", db -> db.admin().keys().rotate("00ff", Duration.ofSeconds(-1)), "grace", "-1");
        wrong(
                "deleting an unknown key",
                NotFoundException.class,
                db -> db.admin().keys().delete("00ff"),
                "00ff");
        invalid(
                "a raw key where its hash belongs",
                db -> SpendEvent.builder(Instant.now()).keyHash(RAW_KEY),
                "keyHash",
                "raw key");
    }

    private void links() {
        wrong(
                "a team of no organization",
                NotFoundException.class,
                db -> db.admin().teams().create(TeamSpec.empty().withOrganizationId("acme"), "t"),
                "organization_id",
                "acme");
        wrong(
                "a key of no team",
                NotFoundException.class,
                db -> db.admin().keys().create(VirtualKeySpec.empty().withTeamId("nowhere")),
                "team_id",
                "nowhere");
        wrong(
                "a key of no user",
                NotFoundException.class,
                db -> db.admin().keys().create(VirtualKeySpec.empty().withUserId("nobody")),
                "user_id",
                "nobody");
        wrong(
                "a key of no budget",
                NotFoundException.class,
                db -> db.admin().keys().create(VirtualKeySpec.empty().withBudgetId("none")),
                "budget_id",
                "none");
        wrong(
                "a member of no team",
                NotFoundException.class,
                db -> db.admin().teamMemberships().add("nowhere", "nobody", TeamMembershipSpec.of(TeamRole.USER)),
                "nowhere");
        wrong(
                "an unknown invitation",
                NotFoundException.class,
                db -> db.admin().invitations().accept("i"),
                "i");
        wrong(
                "an invitation for nobody",
                NotFoundException.class,
                db -> db.admin().invitations().create("nobody"),
                "nobody");
        wrong(
                "a budget that is in use",
                ConflictException.class,
                db -> db.inTransaction(admin -> {
                    admin.budgets().create(BudgetSpec.of(BudgetTerms.of("1")), "tier");
                    admin.organizations().create(OrganizationSpec.of("acme").withBudgetId("tier"), "acme");
                    admin.budgets().delete("tier");
                    return true;
                }),
                "tier");
        invalid(
                "two budgets for one end user",
                db -> new EndUserSpec(null, null, null, false, "tier", BudgetSpec.of(BudgetTerms.of("1"))),
                "budget_id",
                "tier");
        invalid(
                "two budgets for one tag",
                db -> new TagSpec(null, List.of(), Map.of(), "tier", BudgetSpec.of(BudgetTerms.of("1"))),
                "budget_id",
                "tier");
        wrong(
                "an update of nobody",
                NotFoundException.class,
                db -> db.admin().users().update("nobody", spec -> spec),
                "user_id",
                "nobody");
        invalid(
                "a request for no model",
                db -> db.admin().modelAccessRequests().create("nobody", List.of(), "please"),
                "models is empty",
                "nobody");
    }

    private void pages() {
        invalid("a page of nothing", db -> PageRequest.first(0), "page size 0", "1 to 1000");
        invalid("a page of ten thousand", db -> PageRequest.first(10_000), "page size 10000", "1 to 1000");
        invalid(
                "a page after no page",
                db -> db.admin()
                        .teams()
                        .list(TeamFilter.all(), PageRequest.first(10).after("no cursor")),
                "no cursor");
    }

    private void events() {
        invalid("an id of another version", db -> SpendEvent.builder(UUID.randomUUID()), "UUIDv7");
        invalid("tokens below zero", db -> SpendEvent.builder(Instant.now()).tokens(-1, 2), "-1 + 2");
        invalid(
                "cost below zero",
                db -> SpendEvent.builder(Instant.now()).cost(new BigDecimal("-0.1")),
                "cost",
                "-0.1");
        invalid(
                "a request from the future",
                db -> db.spend()
                        .record(SpendEvent.builder(Instant.now().plusSeconds(3600))
                                .model("gpt-4o")
                                .build()),
                "startTime",
                "5 minutes");
    }

    private void models() {
        invalid("a model without a name", db -> ProxyModelSpec.of("", Map.of()), "model_name", "empty");
    }
}
