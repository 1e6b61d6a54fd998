package io.llmdb.tests.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.internal.Db;
import io.llmdb.spend.BookingPolicy;
import io.llmdb.spend.DeliveryMode;
import io.llmdb.spend.DeliveryPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.spend.SpendRecorder;
import io.llmdb.testkit.Books;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.MovableClock;
import io.llmdb.testkit.RecordingSink;
import io.llmdb.testkit.SpendEvents;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.windows.BudgetCalendar;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@LlmDbTest(schema = "accounts")
class BooksTest {

    private static final Instant START = Instant.parse("2026-03-01T22:00:00Z");
    private static final String ENTITIES = """
            INSERT INTO ${llmdb}."LLM_BudgetTable" (budget_id, max_budget) VALUES ('b', 1000000);
            INSERT INTO ${llmdb}."LLM_OrganizationTable" (organization_id, organization_alias, budget_id)
            SELECT 'organization-' || i, 'o', 'b' FROM generate_series(0, 1) i;
            INSERT INTO ${llmdb}."LLM_TeamTable" (team_id) SELECT 'team-' || i FROM generate_series(0, 7) i;
            INSERT INTO ${llmdb}."LLM_UserTable" (user_id) SELECT 'user-' || i FROM generate_series(0, 39) i;
            INSERT INTO ${llmdb}."LLM_TeamMembership" (user_id, team_id)
            SELECT 'user-' || u, 'team-' || t FROM generate_series(0, 39) u, generate_series(0, 7) t;
            INSERT INTO ${llmdb}."LLM_OrganizationMembership" (user_id, organization_id)
            SELECT 'user-' || u, 'organization-' || o FROM generate_series(0, 39) u, generate_series(0, 1) o;
            INSERT INTO ${llmdb}."LLM_VerificationToken" (token, max_budget)
            SELECT lpad(to_hex(i), 64, '0'), 1000000 FROM generate_series(1, 100) i""";

    @Test
    void agreeWhenEverythingIsBookedOnce(TestDatabase database) {
        List<SpendEvent> events = book(database, true);
        Books books = database.books();
        assertThat(books)
                .agree()
                .holdExactly(events)
                .haveRequests(2000)
                .haveNoDeadLetters()
                .stayWithinLimits();
        assertThat(books.summary().failedLogRows())
                .isEqualTo(books.summary().errorRows())
                .isPositive();
        assertThat(books.toString()).contains("organization \"organization-1\"", "2000 requests");
    }

    @Test
    void holdCountersAgainstDailyTotalsWhereNoLogIsKept(TestDatabase database) {
        List<SpendEvent> events = book(database, false);
        assertThat(database.books()).agree().holdExactly(events);
        database.execute(
                "UPDATE ${llmdb}.\"LLM_TeamTable\" SET spend = spend + 1, total_spend = total_spend + 1 WHERE team_id = 'team-0'");
        assertDiffers(database, "team \"team-0\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET total_spend = total_spend + 0.00000000000001 WHERE token LIKE '%01'",
                "UPDATE ${llmdb}.\"LLM_UserTable\" SET spend = spend - 0.00000001 WHERE user_id = 'user-0'",
                "UPDATE ${llmdb}.\"LLM_TeamMembership\" SET spend = 0, total_spend = 0",
                "UPDATE ${llmdb}.\"LLM_OrganizationMembership\" SET spend = spend * 2, total_spend = total_spend * 2",
                "UPDATE ${llmdb}.\"LLM_TagTable\" SET total_spend = total_spend + 1 WHERE tag_name = 'chat'",
                "UPDATE ${llmdb}.\"LLM_SpendCounter\" SET spend = spend + 1, total_spend = total_spend + 1",
                "UPDATE ${llmdb}.\"LLM_EndUserTable\" SET user_id = 'nobody' WHERE user_id = 'customer-0'",
                "DELETE FROM ${llmdb}.\"LLM_SpendLogs\" WHERE id = (SELECT min(id::text)::uuid FROM ${llmdb}.\"LLM_SpendLogs\")",
                "UPDATE ${llmdb}.\"LLM_DailySpend\" SET prompt_tokens = prompt_tokens + 1 WHERE api_requests > 20",
                "UPDATE ${llmdb}.\"LLM_DailyEndUserSpend\" SET failed_requests = failed_requests + 1 WHERE end_user = 'customer-0'",
                "DELETE FROM ${llmdb}.\"LLM_DailyTagSpend\" WHERE tag = 'batch'",
                "INSERT INTO ${llmdb}.\"LLM_BudgetWindow\" (scope, scope_id, window_start, window_end, spend)"
                        + " VALUES ('team', 'team-0', '2026-01-01', '2026-01-02', 1)",
            })
    void differWhereSomethingWasTamperedWith(String change, TestDatabase database) {
        book(database, true);
        assertThat(database.execute(change)).isPositive();
        assertDiffers(database, "");
    }

    /** A row that goes away takes its spend with it; the library leaves an adjustment that says so. */
    @Test
    void agreeWhenRowsHaveGone(TestDatabase database) {
        book(database, true);
        database.execute("DELETE FROM ${llmdb}.\"LLM_EndUserTable\" WHERE user_id = 'customer-0'");
        database.execute(
                "UPDATE ${llmdb}.\"LLM_VerificationToken\" SET token = repeat('e', 64) WHERE token LIKE '%01'");
        assertThat(database.books()).agree();
    }

    @Test
    void sayWhatIsReserved(TestDatabase database) {
        List<SpendEvent> events = book(database, true);
        database.execute("""
                INSERT INTO ${llmdb}."LLM_Lease" (scope, scope_id, holder, amount, expires_at)
                SELECT 'key', token, gen_random_uuid(), 999999.5, ${llmdb}.llmdb_now() + interval '1 minute'
                FROM ${llmdb}."LLM_VerificationToken" WHERE spend > 0.5""");
        assertThat(database.books()).agreeWhileInUse().holdExactly(events);
        assertThatThrownBy(() -> assertThat(database.books()).agree()).hasMessageContaining("reserved 999999.5");
        assertThatThrownBy(() -> assertThat(database.books()).stayWithinLimits())
                .hasMessageContaining("of 1000000");
        database.clock().advance(Duration.ofMinutes(2));
        assertThat(database.books()).agree().stayWithinLimits();
    }

    @Test
    void knowEventsThatAreNotThere(TestDatabase database) {
        List<SpendEvent> events = book(database, true);
        List<SpendEvent> fewer = events.subList(0, 1999);
        assertThatThrownBy(() -> assertThat(database.books()).holdExactly(fewer))
                .hasMessageContaining("expected 1999");
        SpendEvent first = events.get(0);
        List<SpendEvent> other = new ArrayList<>(events.subList(1, 2000));
        other.add(first.toBuilder().teamId("team-99").build());
        assertThatThrownBy(() -> assertThat(database.books()).holdExactly(other))
                .hasMessageContaining("team-99");
    }

    /** An oracle that no event reached would agree with anything. */
    @Test
    void emptyBooksHoldNoRequests(TestDatabase database) {
        assertThat(database.books()).agree().haveRequests(0).haveSpend(BigDecimal.ZERO);
        assertThatThrownBy(() -> assertThat(database.books()).haveRequests(1)).isInstanceOf(AssertionError.class);
    }

    private static void assertDiffers(TestDatabase database, String mention) {
        assertThatThrownBy(() -> assertThat(database.books()).agree())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("The books do not agree")
                .hasMessageContaining(mention);
    }

    private static List<SpendEvent> book(TestDatabase database, boolean keepLogs) {
        database.execute(ENTITIES);
        database.clock().set(START);
        Db db = new Db(database.dataSource(), database.schema());
        BookingPolicy policy = new BookingPolicy(
                keepLogs, keepLogs, true, false, BudgetCalendar.in(ZoneOffset.UTC), false, null, null, null);
        RecordingSink sink = RecordingSink.afterCommit();
        // Across midnight, so that there are two days.
        List<SpendEvent> events = SpendEvents.seeded(7).from(START, 0.25).take(2000);
        database.clock().set(START.plus(Duration.ofHours(4)));
        try (SpendRecorder recorder = new SpendRecorder(
                db,
                MovableClock.at(START.plus(Duration.ofHours(4))),
                policy,
                DeliveryPolicy.booked().withMode(DeliveryMode.MEMORY),
                List.of(sink))) {
            events.forEach(recorder::record);
        }
        assertThat(sink.events()).hasSize(2000);
        return events;
    }
}
