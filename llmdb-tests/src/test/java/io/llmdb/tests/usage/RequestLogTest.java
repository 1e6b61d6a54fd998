package io.llmdb.tests.usage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Db;
import io.llmdb.internal.JobRunner;
import io.llmdb.maintenance.Maintenance;
import io.llmdb.maintenance.RetentionPolicy;
import io.llmdb.spend.SpendEvent;
import io.llmdb.testkit.CapturedPlans;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import io.llmdb.usage.ErrorFilter;
import io.llmdb.usage.ErrorLog;
import io.llmdb.usage.LoggedError;
import io.llmdb.usage.LoggedPrompt;
import io.llmdb.usage.LoggedRequest;
import io.llmdb.usage.RequestFilter;
import io.llmdb.usage.RequestLog;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Pages of the logs: every request once, the newest first, whatever is asked for. */
@LlmDbTest(sharedByClass = true)
class RequestLogTest {

    private static final LocalDate FIRST = Company.FIRST_DAY;

    private static Company company;
    private static RequestLog log;

    /** Two settled days, one that is over and not settled, one that goes on, and stray rows of long ago. */
    @BeforeAll
    static void book(TestDatabase database) {
        company = Company.on(database).withTraffic(4, 300);
        Db db = new Db(database.dataSource(), database.schema());
        Maintenance maintenance = new Maintenance(
                db, new JobRunner(db, Duration.ofDays(1), Duration.ofMinutes(1)), RetentionPolicy.KEEP_ALL);
        maintenance.settle();
        LocalDate longAgo = FIRST.minusDays(400);
        List<SpendEvent> old = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            old.add(company.event(longAgo.atTime(i, 0).toInstant(ZoneOffset.UTC)));
        }
        company.book(old);
        database.execute("""
                ALTER TABLE ${llmdb}."LLM_SpendLogs" DETACH PARTITION ${llmdb}."LLM_SpendLogs_p20250221";
                INSERT INTO ${llmdb}."LLM_SpendLogs" SELECT * FROM ${llmdb}."LLM_SpendLogs_p20250221";
                DROP TABLE ${llmdb}."LLM_SpendLogs_p20250221";
                UPDATE ${llmdb}."LLM_LogState" SET settled_before = '2026-03-30 00:00Z' WHERE table_name = 'LLM_SpendLogs'""");
        log = new RequestLog(company.db);
    }

    @AfterAll
    static void close() {
        company.close();
    }

    private static List<UUID> turnPages(RequestFilter filter, int size) {
        return turnPages(log, filter, size);
    }

    private static List<UUID> turnPages(RequestLog log, RequestFilter filter, int size) {
        List<UUID> ids = new ArrayList<>();
        PageRequest next = PageRequest.first(size);
        while (true) {
            Page<LoggedRequest> page = log.list(filter, next);
            assertThat(page.items()).hasSizeLessThanOrEqualTo(size);
            page.items().forEach(item -> ids.add(item.id()));
            if (page.next() == null) {
                return ids;
            }
            assertThat(page.items()).hasSize(size);
            next = next.after(page.next());
        }
    }

    private static List<RequestFilter> filters() {
        RequestFilter all = RequestFilter.all();
        Instant third = FIRST.plusDays(2).atTime(6, 0).toInstant(ZoneOffset.UTC);
        SpendEvent one = company.events.get(17);
        return List.of(
                all,
                all.withKeyHash("key5"),
                all.withUserId("user3"),
                all.withTeamId("team2").withModel("gpt-4o"),
                all.withOrganizationId("org0").withSuccessful(false),
                all.withEndUser("customer4"),
                all.withEndUser("nobody"),
                all.withModel("mistral-small").withTag("nightly"),
                all.withTag("batch"),
                all.withSuccessful(true).withSessionId("session-7"),
                all.withSuccessful(false),
                all.withRequestId(one.requestId()),
                all.within(third, third.plusSeconds(7200)),
                all.within(FIRST.atTime(23, 0).toInstant(ZoneOffset.UTC), third).withKeyHash("key1"),
                all.within(null, FIRST.minusDays(300).atStartOfDay().toInstant(ZoneOffset.UTC)),
                all.withCost(new BigDecimal("0.0009"), null),
                all.withCost(new BigDecimal("0.0002"), new BigDecimal("0.00045"))
                        .withTeamId("team1"),
                all.withCost(null, new BigDecimal("0.00001")));
    }

    @Test
    void everyPageOfEveryFilterHoldsWhatTheEventsSay() {
        for (RequestFilter filter : filters()) {
            List<UUID> expected = Oracle.requests(company.events, filter);
            assertThat(turnPages(filter, 500)).as(filter.toString()).isEqualTo(expected);
            if (expected.size() < 200) {
                assertThat(turnPages(filter, 7)).as(filter.toString()).isEqualTo(expected);
            }
        }
        assertThat(turnPages(RequestFilter.all(), 33)).hasSize(1205);
    }

    @Test
    void findsOne() {
        SpendEvent event = company.events.get(333);

        assertThat(log.find(event.id())).hasValueSatisfying(request -> {
            assertThat(request.requestId()).isEqualTo(event.requestId());
            assertThat(request.cost()).isEqualByComparingTo(event.cost());
            assertThat(request.startTime()).isEqualTo(event.startTime());
            assertThat(request.endTime()).isEqualTo(event.endTime());
            assertThat(request.tags()).isEqualTo(event.tags());
            assertThat(request.successful()).isEqualTo(event.isSuccess());
            assertThat(request.totalTokens()).isEqualTo(event.totalTokens());
        });
        assertThat(log.findByRequestId(event.requestId()))
                .extracting(LoggedRequest::id)
                .contains(event.id());
        assertThat(log.find(UUID.fromString("019d3223-f03c-71b7-9f43-5559d984908b")))
                .isEmpty();
        assertThat(log.prompt(event.id())).contains(new LoggedPrompt(null, null, null));
    }

    @Test
    void aLogWithoutDaysIsReadAtOnce() throws SQLException {
        CapturedPlans captured = CapturedPlans.of(company.database.dataSource());
        try (Connection connection = captured.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(inSchema("""
                    DO $$ DECLARE day regclass; BEGIN
                        FOR day IN SELECT relid::regclass FROM ${llmdb}.llmdb_partitions('LLM_SpendLogs') WHERE NOT is_default LOOP
                            EXECUTE format('ALTER TABLE ${llmdb}."LLM_SpendLogs" DETACH PARTITION %s', day);
                        END LOOP;
                    END $$"""));
            RequestLog withoutDays = new RequestLog(company.db.joining(connection));

            assertThat(turnPages(withoutDays, RequestFilter.all(), 500))
                    .isEqualTo(Oracle.requests(
                            company.events,
                            RequestFilter.all()
                                    .within(
                                            null,
                                            FIRST.minusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC))))
                    .hasSize(5);
            statement.execute(inSchema("DELETE FROM ${llmdb}.\"LLM_SpendLogs\""));
            assertThat(turnPages(withoutDays, RequestFilter.all(), 500)).isEmpty();
            assertThat(captured.take()).hasSizeLessThan(10);
            connection.rollback();
        }
    }

    private static String inSchema(String sql) {
        return sql.replace("${llmdb}", company.database.schema());
    }

    @Test
    void refusesThePageOfAnotherList() {
        for (String page : List.of("", "requests_1_2", "requests_x_0_y", "errors_1_1_" + UUID.randomUUID())) {
            assertThatThrownBy(() -> log.list(RequestFilter.all(), new PageRequest(10, page)))
                    .isInstanceOf(InvalidArgumentException.class)
                    .hasMessageContaining("belongs to no list");
        }
    }

    @Test
    void exportsAllOfIt() {
        StringBuilder csv = new StringBuilder();

        long rows = log.export(RequestFilter.all().withTeamId("team1"), csv);

        List<UUID> expected =
                Oracle.requests(company.events, RequestFilter.all().withTeamId("team1"));
        assertThat(rows).isEqualTo(expected.size());
        String[] lines = csv.toString().split("\r\n");
        assertThat(lines[0]).startsWith("id,start_time,end_time,request_id,");
        assertThat(java.util.Arrays.stream(lines).skip(1).map(line -> line.substring(0, 36)))
                .isEqualTo(expected.stream().map(UUID::toString).toList());
    }

    @Test
    void listsErrors() {
        ErrorLog errors = new ErrorLog(company.db);
        List<UUID> ids = new ArrayList<>();
        PageRequest next = PageRequest.first(10);
        while (next != null) {
            Page<LoggedError> page = errors.list(ErrorFilter.all().withExceptionType("Timeout"), next);
            page.items().forEach(item -> ids.add(item.id()));
            next = page.next() == null ? null : next.after(page.next());
        }

        assertThat(ids)
                .isEqualTo(Oracle.requests(
                        company.events.stream()
                                .filter(event -> event.error() != null
                                        && event.error().type().equals("Timeout"))
                                .toList(),
                        RequestFilter.all()));
        assertThat(errors.find(ids.get(0)))
                .hasValueSatisfying(error -> assertThat(error.message()).isEqualTo("no luck"));
        assertThat(errors.list(
                                ErrorFilter.all()
                                        .withModel("gpt-4o")
                                        .withStatusCode("429")
                                        .within(
                                                FIRST.atStartOfDay().toInstant(ZoneOffset.UTC),
                                                FIRST.plusDays(2).atStartOfDay().toInstant(ZoneOffset.UTC)),
                                PageRequest.first(100))
                        .items())
                .isNotEmpty()
                .allMatch(error ->
                        error.model().equals("gpt-4o") && error.statusCode().equals("429"));
    }
}
