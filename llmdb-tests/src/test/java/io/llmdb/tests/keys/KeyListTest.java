package io.llmdb.tests.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.LlmDb;
import io.llmdb.Repositories;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.keys.KeyFilter;
import io.llmdb.keys.KeyFilter.Order;
import io.llmdb.keys.VirtualKey;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lists of two hundred thousand keys, or of twenty thousand in the ordinary build: each filter in each order shows what
 * it should, and reads little more than it shows, whether it is the first page or one in the middle.
 */
@LlmDbTest
class KeyListTest {

    private static final int PAGE = 50;

    private static final Map<String, KeyFilter> FILTERS = new TreeMap<>(Map.ofEntries(
            Map.entry("all", KeyFilter.all()),
            Map.entry("a user", KeyFilter.all().withUserId("u77")),
            Map.entry("a team", KeyFilter.all().withTeamId("t7")),
            Map.entry("a large team", KeyFilter.all().withTeamId("big")),
            Map.entry("an organization", KeyFilter.all().withOrganizationId("o3")),
            Map.entry("a rare part of an alias", KeyFilter.all().withAliasPart("PPELIN-1999")),
            Map.entry("a part that all have", KeyFilter.all().withAliasPart("zep")),
            Map.entry("a part with a wildcard's sign", KeyFilter.all().withAliasPart("100%_s")),
            Map.entry("two letters", KeyFilter.all().withAliasPart("ze")),
            Map.entry("blocked", KeyFilter.all().withBlocked(true)),
            Map.entry("not blocked", KeyFilter.all().withBlocked(false)),
            Map.entry("expired", KeyFilter.all().withExpired(true)),
            Map.entry("not expired", KeyFilter.all().withExpired(false)),
            Map.entry("a user's blocked", KeyFilter.all().withUserId("u77").withBlocked(true)),
            Map.entry(
                    "made in an hour",
                    KeyFilter.all()
                            .withCreated(
                                    Instant.parse("2026-01-02T03:00:00Z"), Instant.parse("2026-01-02T04:00:00Z")))));

    @Test
    void pagesReadLittleMoreThanTheyShow(LlmDb db, TestDatabase database) throws Exception {
        check(db, database, 20_000, 4_000);
    }

    @Tag("storm")
    @Test
    void pagesOfTwoHundredThousandReadLittleMoreThanTheyShow(LlmDb db, TestDatabase database) throws Exception {
        check(db, database, 200_000, 10_000);
    }

    private static void check(LlmDb db, TestDatabase database, int keys, long mostRows) throws SQLException {
        plant(database, keys);
        List<VirtualKey> all = everything(db);
        assertThat(all).hasSize(keys);
        List<String> wrong = new ArrayList<>();
        List<String> times = new ArrayList<>();
        try (Connection connection = database.dataSource().getConnection()) {
            connection.setAutoCommit(false);
            Repositories admin = db.joining(connection);
            for (Map.Entry<String, KeyFilter> entry : FILTERS.entrySet()) {
                List<VirtualKey> expected =
                        all.stream().filter(meets(entry.getValue())).toList();
                for (Order order : Order.values()) {
                    KeyFilter filter = entry.getValue().withOrder(order);
                    wrong.addAll(check(connection, admin, entry.getKey(), filter, expected, mostRows, times));
                }
            }
        }
        times.forEach(System.out::println);
        assertThat(wrong).isEmpty();
    }

    /** The first three pages, and for the whole list one from its middle. */
    private static List<String> check(
            Connection connection,
            Repositories admin,
            String name,
            KeyFilter filter,
            List<VirtualKey> expected,
            long mostRows,
            List<String> times)
            throws SQLException {
        String what = name + ", " + filter.order().name().toLowerCase(Locale.ROOT);
        // Others sort all that they show: by spend, because no index holds it, and what an index of another column
        // found.
        boolean mayReadAllItShows = filter.order() == Order.MOST_SPENT
                || (filter.order() == Order.ALIAS || filter.order() == Order.EXPIRES) && expected.size() <= 3_000
                || name.contains("part") && expected.size() <= 3_000;
        List<String> wrong = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        PageRequest page = PageRequest.first(PAGE);
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-45s %7d keys", what, expected.size()));
        for (int i = 0; i < 4; i++) {
            if (i == 3) {
                if (!name.equals("all")) {
                    break;
                }
                page = middle(admin, filter, expected.size());
                seen.clear();
            }
            long scanned = rowsScanned(connection);
            long before = rowsRead(connection);
            long start = System.nanoTime();
            Page<VirtualKey> shown = admin.keys().list(filter, page);
            line.append(String.format(
                    Locale.ROOT, "  %s %.1f ms", i == 3 ? "middle" : "page " + i, (System.nanoTime() - start) / 1e6));
            long read = rowsRead(connection) - before;
            scanned = rowsScanned(connection) - scanned;
            connection.commit();
            if (read > mostRows && !mayReadAllItShows) {
                wrong.add(what + ", page " + i + ": reads " + read + " rows");
            }
            // By spend the whole table is read, if the filter shows most of it.
            if (scanned > mostRows && !(filter.order() == Order.MOST_SPENT && expected.size() > scanned / 20)) {
                wrong.add(what + ", page " + i + ": reads the table from end to end");
            }
            List<VirtualKey> items = shown.items();
            if (items.size() != Math.min(PAGE, expected.size() - seen.size())) {
                wrong.add(what + ", page " + i + ": shows " + items.size() + " of " + expected.size());
            }
            for (VirtualKey key : items) {
                if (!seen.add(key.hash()) || !meets(filter).test(key)) {
                    wrong.add(what + ": shows " + key);
                }
            }
            if (!items.stream().sorted(comparator(filter.order())).toList().equals(items)) {
                wrong.add(what + ", page " + i + ": in no order");
            }
            if (shown.next() == null) {
                break;
            }
            page = PageRequest.first(PAGE).after(shown.next());
        }
        times.add(line.toString());
        return wrong;
    }

    private static PageRequest middle(Repositories admin, KeyFilter filter, int size) {
        PageRequest page = PageRequest.first(1000);
        for (int passed = 0; passed < size / 2; passed += 1000) {
            page = PageRequest.first(1000)
                    .after(Objects.requireNonNull(
                            admin.keys().list(filter, page).next()));
        }
        return PageRequest.first(PAGE).after(Objects.requireNonNull(page.after()));
    }

    private static Comparator<VirtualKey> comparator(Order order) {
        return switch (order) {
            case NEWEST -> Comparator.comparing(VirtualKey::createdAt).reversed();
            case OLDEST -> Comparator.comparing(VirtualKey::createdAt);
            case ALIAS ->
                Comparator.comparing((VirtualKey key) -> key.spec().alias() == null)
                        .thenComparing(key ->
                                key.spec().alias() == null ? "" : key.spec().alias());
            case MOST_SPENT ->
                Comparator.comparing((VirtualKey key) -> key.spendState().spend())
                        .reversed();
            case EXPIRES ->
                Comparator.comparing((VirtualKey key) ->
                        key.spec().expires() == null ? Instant.MAX : key.spec().expires());
        };
    }

    private static Predicate<VirtualKey> meets(KeyFilter filter) {
        return key -> (filter.userId() == null
                        || filter.userId().equals(key.spec().userId()))
                && (filter.teamId() == null || filter.teamId().equals(key.spec().teamId()))
                && (filter.organizationId() == null
                        || filter.organizationId().equals(key.spec().organizationId()))
                && (filter.aliasPart() == null
                        || key.spec().alias() != null
                                && key.spec()
                                        .alias()
                                        .toLowerCase(Locale.ROOT)
                                        .contains(filter.aliasPart().toLowerCase(Locale.ROOT)))
                && (filter.blocked() == null || filter.blocked() == key.spec().blocked())
                && (filter.expired() == null
                        || filter.expired()
                                == (key.spec().expires() != null
                                        && key.spec().expires().isBefore(Instant.parse("2026-06-01T00:00:00Z"))))
                && (filter.createdFrom() == null || !key.createdAt().isBefore(filter.createdFrom()))
                && (filter.createdBefore() == null || key.createdAt().isBefore(filter.createdBefore()));
    }

    private static List<VirtualKey> everything(LlmDb db) {
        List<VirtualKey> all = new ArrayList<>();
        PageRequest page = PageRequest.first(1000);
        while (true) {
            Page<VirtualKey> shown = db.admin().keys().list(KeyFilter.all().withOrder(Order.OLDEST), page);
            all.addAll(shown.items());
            if (shown.next() == null) {
                return all;
            }
            page = PageRequest.first(1000).after(shown.next());
        }
    }

    /** The rows of the table that the session has read; the count goes on within a transaction. */
    private static long rowsRead(Connection connection) throws SQLException {
        return rows(connection, "seq_tup_read + coalesce(idx_tup_fetch, 0)");
    }

    private static long rowsScanned(Connection connection) throws SQLException {
        return rows(connection, "seq_tup_read");
    }

    private static long rows(Connection connection, String count) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(
                        "SELECT " + count + " FROM pg_stat_xact_user_tables WHERE relname = 'LLM_VerificationToken'");
                ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** One key in a thousand is blocked, one in ten expires, of which one in a hundred has done so. */
    private static void plant(TestDatabase database, int keys) {
        database.execute("INSERT INTO ${llmdb}.\"LLM_BudgetTable\" (budget_id) VALUES ('b')");
        database.execute("""
                INSERT INTO ${llmdb}."LLM_OrganizationTable" (organization_id, organization_alias, budget_id)
                SELECT 'o' || i, 'o', 'b' FROM generate_series(0, 99) i""");
        database.execute("ALTER TABLE ${llmdb}.\"LLM_VerificationToken\" DISABLE TRIGGER USER");
        database.execute("""
                INSERT INTO ${llmdb}."LLM_VerificationToken" (token, key_alias, user_id, team_id, organization_id, spend, expires, blocked,
                    created_at)
                SELECT encode(sha256(i::text::bytea), 'hex'),
                    CASE i %% 50 WHEN 0 THEN NULL WHEN 1 THEN '100%%_Safe ' || i ELSE 'Zeppelin-' || i END, 'u' || i %% 5000,
                    CASE WHEN i < 8000 THEN 'big' ELSE 't' || i %% 400 END, 'o' || i %% 100, (i * 7919 %% 100003) / 100.0,
                    CASE WHEN i %% 1000 = 5 THEN timestamptz '2026-05-01 00:00:00+00' + i * interval '1 s'
                        WHEN i %% 10 = 5 THEN timestamptz '2126-05-01 00:00:00+00' + i * interval '1 s' END,
                    CASE WHEN i %% 1000 = 77 THEN true WHEN i %% 2 = 0 THEN false END,
                    timestamptz '2026-01-01 00:00:00+00' + i * interval '1 s'
                FROM generate_series(0, %d) i""".formatted(keys - 1));
        database.execute("ALTER TABLE ${llmdb}.\"LLM_VerificationToken\" ENABLE TRIGGER USER");
        database.execute("ANALYZE ${llmdb}.\"LLM_VerificationToken\"");
    }
}
