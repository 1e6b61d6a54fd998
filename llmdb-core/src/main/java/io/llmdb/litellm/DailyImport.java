package io.llmdb.litellm;

import io.llmdb.internal.Db;
import io.llmdb.litellm.Balances.Spent;
import io.llmdb.litellm.Tally.Fate;
import io.llmdb.litellm.Tally.ValueFate;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Brings the daily totals of days before the first one of which the log tells in full. From that day on they are the
 * sums of the log rows. LiteLLM keeps a day's totals once by user, once by team, once by organization; here they stand
 * once, and the team and the organization are put to the rows by user where all requests of a key and model were
 * theirs.
 */
final class DailyImport {

    static final String TARGET = "LLM_DailySpend";
    static final String USERS = "LiteLLM_DailyUserSpend";
    static final String TEAMS = "LiteLLM_DailyTeamSpend";
    static final String ORGANIZATIONS = "LiteLLM_DailyOrganizationSpend";
    static final String END_USERS = "LiteLLM_DailyEndUserSpend";
    static final String TAGS = "LiteLLM_DailyTagSpend";
    static final List<String> TABLES = List.of(USERS, TEAMS, ORGANIZATIONS, END_USERS, TAGS);

    private static final Set<String> SUMMED = Set.of(
            "date",
            "api_key",
            "user_id",
            "end_user_id",
            "tag",
            "model",
            "model_group",
            "custom_llm_provider",
            "spend",
            "prompt_tokens",
            "completion_tokens",
            "api_requests",
            "failed_requests");

    private static final String IS_DAY = "t.date ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'";

    private static final String HAS_OWN = """
            SELECT EXISTS (SELECT 1 FROM ${llmdb}."LLM_DailySpend" WHERE day = ?)""";

    private static final String DROPPED = """
            UPDATE ${llmdb}."LLM_LogState" SET dropped_before = greatest(dropped_before, ?) WHERE table_name = 'LLM_SpendLogs'""";

    private final Db db;
    private final Source source;
    private final Balances balances;
    private final LocalDate before;
    private final Set<LocalDate> earlier;
    private final Set<LocalDate> brought = new HashSet<>();
    private @Nullable LocalDate ownFrom;

    /** @param before the first day of which the log tells in full */
    DailyImport(Db db, Source source, Balances balances, LocalDate before) {
        this.db = db;
        this.source = source;
        this.balances = balances;
        this.before = before;
        this.earlier = ImportState.days(db, TARGET).keySet();
    }

    void run() throws SQLException {
        for (LocalDate day : days()) {
            if (!day.isBefore(before) || earlier.contains(day) || ownFrom != null) {
                continue;
            }
            List<Row> rows = rows(day);
            List<Simple> endUsers = simple(END_USERS, "end_user_id", day);
            List<Simple> tags = simple(TAGS, "tag", day);
            boolean own = db.transaction(tx -> write(tx.connection(), day, rows, endUsers, tags));
            if (own) {
                ownFrom = day;
            } else {
                brought.add(day);
            }
        }
    }

    private TreeSet<LocalDate> days() throws SQLException {
        TreeSet<LocalDate> days = new TreeSet<>();
        for (String table : List.of(USERS, END_USERS, TAGS)) {
            if (isUsable(source.table(table))) {
                try (Statement statement = source.connection().createStatement();
                        ResultSet rows = statement.executeQuery(
                                "SELECT DISTINCT t.date FROM " + source.from(table) + " WHERE " + IS_DAY)) {
                    while (rows.next()) {
                        LocalDate day = day(rows.getString(1));
                        if (day != null) {
                            days.add(day);
                        }
                    }
                }
            }
        }
        return days;
    }

    private static boolean isUsable(Source.@Nullable Table table) {
        return table != null && table.has("date") && table.has("spend");
    }

    private static @Nullable LocalDate day(String text) {
        try {
            return LocalDate.parse(text);
        } catch (DateTimeException e) {
            return null;
        }
    }

    private record Row(List<String> key, BigDecimal spend, long prompt, long completion, long requests, long failed) {}

    private record Simple(
            String id, String model, BigDecimal spend, long prompt, long completion, long requests, long failed) {}

    private List<Row> rows(LocalDate day) throws SQLException {
        Source.Table users = source.table(USERS);
        if (users == null || !isUsable(users)) {
            return List.of();
        }
        String query = "WITH u AS (SELECT " + text(users, "api_key") + " AS api_key, " + text(users, "user_id")
                + " AS user_id, " + group(users) + ", " + sums(users) + " FROM " + source.from(USERS)
                + " WHERE t.date = ? GROUP BY 1, 2, 3, 4, 5)"
                + ", a AS (SELECT u.*, sum(u.requests) OVER w AS all_requests, sum(u.prompt) OVER w AS all_prompt FROM u"
                + " WINDOW w AS (PARTITION BY u.api_key, u.model, u.model_group, u.provider)), team AS ("
                + owners(TEAMS, "team_id") + "), organization AS (" + owners(ORGANIZATIONS, "organization_id")
                + ") SELECT a.api_key, a.user_id, coalesce(team.owner, ''), coalesce(organization.owner, ''),"
                + " a.model, a.model_group, a.provider, a.spend, a.prompt, a.completion, a.requests, a.failed FROM a"
                + ownedBy("team") + ownedBy("organization");
        List<Row> rows = new ArrayList<>();
        try (PreparedStatement statement = source.connection().prepareStatement(query)) {
            long parameters = query.chars().filter(c -> c == '?').count();
            for (int i = 1; i <= parameters; i++) {
                statement.setString(i, day.toString());
            }
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    List<String> key = new ArrayList<>();
                    key.add(io.llmdb.litellm.Row.hashOf(row.getString(1)));
                    for (int i = 2; i <= 7; i++) {
                        key.add(row.getString(i));
                    }
                    rows.add(new Row(
                            key,
                            row.getBigDecimal(8),
                            row.getLong(9),
                            row.getLong(10),
                            row.getLong(11),
                            row.getLong(12)));
                }
            }
        }
        return rows;
    }

    /** The one team, or organization, of each key and model, with as many requests and tokens as its rows tell of. */
    private String owners(String table, String id) {
        Source.Table owners = source.table(table);
        if (owners == null || !isUsable(owners) || !owners.has(id)) {
            return "SELECT ''::text AS owner, ''::text AS api_key, ''::text AS model, ''::text AS model_group, ''::text AS provider,"
                    + " 0::bigint AS requests, 0::bigint AS prompt WHERE false";
        }
        return "SELECT min(t." + id + ") AS owner, " + text(owners, "api_key") + " AS api_key, " + group(owners) + ", "
                + sums(owners) + " FROM " + source.from(table) + " WHERE t.date = ? AND t." + id
                + " <> '' GROUP BY 2, 3, 4, 5 HAVING count(DISTINCT t." + id + ") = 1";
    }

    /** Only where all requests and tokens of the key and model are the owner's. */
    private static String ownedBy(String owner) {
        return " LEFT JOIN " + owner + " ON (" + owner + ".api_key, " + owner + ".model, " + owner + ".model_group, "
                + owner
                + ".provider, " + owner + ".requests, " + owner + ".prompt)"
                + " = (a.api_key, a.model, a.model_group, a.provider, a.all_requests, a.all_prompt)";
    }

    private List<Simple> simple(String table, String id, LocalDate day) throws SQLException {
        Source.Table totals = source.table(table);
        List<Simple> rows = new ArrayList<>();
        if (totals == null || !isUsable(totals) || !totals.has(id)) {
            return rows;
        }
        String query = "SELECT t." + id + ", " + text(totals, "model") + ", " + sums(totals) + " FROM "
                + source.from(table) + " WHERE t.date = ? AND t." + id + " <> '' GROUP BY 1, 2";
        try (PreparedStatement statement = source.connection().prepareStatement(query)) {
            statement.setString(1, day.toString());
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    rows.add(new Simple(
                            row.getString(1),
                            row.getString(2),
                            row.getBigDecimal(3),
                            row.getLong(4),
                            row.getLong(5),
                            row.getLong(6),
                            row.getLong(7)));
                }
            }
        }
        return rows;
    }

    private static String text(Source.Table table, String column) {
        return table.has(column) ? "coalesce(t." + Source.quoted(column) + ", '')" : "''";
    }

    private static String group(Source.Table table) {
        return text(table, "model") + " AS model, " + text(table, "model_group") + " AS model_group, "
                + text(table, "custom_llm_provider") + " AS provider";
    }

    /** Exact sums of amounts in their shortest form. */
    private static String sums(Source.Table table) {
        return "sum(CASE WHEN t.spend::text ~ '[aI]' THEN 0 ELSE t.spend::text::numeric END) AS spend, "
                + sum(table, "prompt_tokens") + " AS prompt, " + sum(table, "completion_tokens") + " AS completion, "
                + sum(table, "api_requests") + " AS requests, least(" + sum(table, "api_requests") + ", "
                + sum(table, "failed_requests") + ") AS failed";
    }

    private static String sum(Source.Table table, String column) {
        return table.has(column) ? "coalesce(sum(t." + Source.quoted(column) + "), 0)::bigint" : "0::bigint";
    }

    /** @return whether this database has requests of its own on that day, so that nothing was written */
    private boolean write(
            Connection connection, LocalDate day, List<Row> rows, List<Simple> endUsers, List<Simple> tags)
            throws SQLException {
        try (PreparedStatement own = connection.prepareStatement(db.sql().of(HAS_OWN))) {
            own.setObject(1, day);
            try (ResultSet row = own.executeQuery()) {
                row.next();
                if (row.getBoolean(1)) {
                    return true;
                }
            }
        }
        Instant start = day.atStartOfDay(ZoneOffset.UTC).toInstant();
        Spent spent = new Spent();
        DailySums daily = new DailySums();
        for (Row row : rows) {
            List<String> key = row.key;
            spent.addRequest(key.get(0), key.get(1), key.get(2), key.get(3), start, row.spend);
            long succeeded = row.requests - row.failed;
            daily.add(
                    DailySums.Book.SPEND,
                    day,
                    row.spend,
                    row.prompt,
                    row.completion,
                    row.requests,
                    succeeded,
                    key.toArray(new String[0]));
            if (row.failed > 0) {
                daily.add(DailySums.Book.ERRORS, day, row.spend, 0, 0, row.failed, 0, key.get(4), key.get(5), "", "");
            }
        }
        add(spent, daily, day, start, endUsers, Counter.END_USER, DailySums.Book.END_USER);
        add(spent, daily, day, start, tags, Counter.TAG, DailySums.Book.TAG);
        balances.explain(connection, spent);
        daily.write(connection, db.sql());
        try (PreparedStatement dropped = connection.prepareStatement(db.sql().of(DROPPED))) {
            dropped.setObject(1, day.plusDays(1).atStartOfDay().atOffset(ZoneOffset.UTC));
            dropped.executeUpdate();
        }
        ImportState.dayDone(db, connection, TARGET, day, new ImportState.Day(rows.size(), "0"));
        return false;
    }

    private static void add(
            Spent spent,
            DailySums daily,
            LocalDate day,
            Instant start,
            List<Simple> rows,
            Counter counter,
            DailySums.Book book) {
        for (Simple row : rows) {
            spent.addIfNamed(counter, row.id, start, row.spend);
            daily.add(
                    book,
                    day,
                    row.spend,
                    row.prompt,
                    row.completion,
                    row.requests,
                    row.requests - row.failed,
                    row.id,
                    row.model);
        }
    }

    static String targetOf(String table) {
        return switch (table) {
            case END_USERS -> "LLM_DailyEndUserSpend";
            case TAGS -> "LLM_DailyTagSpend";
            default -> TARGET;
        };
    }

    /** Accounts for the rows of a table. */
    Tally tally(String table, String target) throws SQLException {
        Source.Table totals = source.tables().get(table);
        if (totals == null) {
            throw new IllegalArgumentException(table);
        }
        List<String> columns = List.copyOf(totals.columns().keySet());
        Tally tally = new Tally(table, target, columns);
        StringBuilder counts = new StringBuilder();
        columns.forEach(column ->
                counts.append(", count(t.").append(Source.quoted(column)).append(')'));
        try (Statement statement = source.connection().createStatement();
                ResultSet row = statement.executeQuery("SELECT t.date, count(*)" + counts + " FROM "
                        + source.from(table) + " GROUP BY 1 ORDER BY 1")) {
            while (row.next()) {
                String text = row.getString(1);
                LocalDate day = text == null || text.length() != 10 ? null : day(text);
                boolean written = day != null && brought.contains(day) && isBrought(table);
                Fate fate = written
                        ? Fate.ADDED
                        : day != null && earlier.contains(day) && isBrought(table) ? Fate.UNCHANGED : Fate.SKIPPED;
                tally.rows(row.getLong(2), fate, reason(table, day), text);
                for (int i = 0; i < columns.size(); i++) {
                    value(tally, columns.get(i), row.getLong(i + 3), written);
                }
            }
        }
        return tally;
    }

    private static boolean isBrought(String table) {
        return table.equals(USERS) || table.equals(END_USERS) || table.equals(TAGS);
    }

    private static void value(Tally tally, String column, long count, boolean written) {
        if (!written) {
            tally.values(column, count, ValueFate.IN_OTHER_ROW, "", null);
        } else if (SUMMED.contains(column)) {
            tally.values(column, count, ValueFate.CARRIED, "", null);
        } else if (column.equals("successful_requests")) {
            tally.values(column, count, ValueFate.CHANGED, "api_requests less failed_requests", null);
        } else {
            tally.values(column, count, ValueFate.LEFT, "daily totals here are not kept by it", null);
        }
    }

    private String reason(String table, @Nullable LocalDate day) {
        if (day == null) {
            return "date is no day";
        }
        if (!isBrought(table)) {
            return "a day's totals stand once here: " + USERS + " tells of the same requests";
        }
        if (!day.isBefore(before)) {
            return "the log tells of the day, and daily totals here are the sums of its rows; where there is no log, of what"
                    + " the day's end will tell";
        }
        return ownFrom == null ? "" : "this database has requests of its own since " + ownFrom;
    }

    /** Days on which totals and log differ over there, in which case the log is believed. */
    List<String> notes(Map<LocalDate, Long> logRows) throws SQLException {
        Source.Table users = source.table(USERS);
        if (users == null || !isUsable(users) || !users.has("api_requests")) {
            return List.of();
        }
        long days = 0;
        long more = 0;
        long less = 0;
        try (Statement statement = source.connection().createStatement();
                ResultSet rows = statement.executeQuery("SELECT t.date, sum(t.api_requests)::bigint FROM "
                        + source.from(USERS) + " WHERE " + IS_DAY + " GROUP BY 1")) {
            while (rows.next()) {
                LocalDate day = day(rows.getString(1));
                if (day != null && !day.isBefore(before) && logRows.containsKey(day)) {
                    long difference = rows.getLong(2) - logRows.get(day);
                    days += difference == 0 ? 0 : 1;
                    more += Math.max(difference, 0);
                    less += Math.max(-difference, 0);
                }
            }
        }
        return days == 0
                ? List.of()
                : List.of("On " + days + " days the daily totals over there count " + more + " requests more and "
                        + less + " fewer than its log; here they are the sums of the log rows");
    }

    /** How many requests a day has by its totals; 0 where nobody knows. */
    static long requests(Source source, LocalDate day) throws SQLException {
        Source.Table users = source.table(USERS);
        if (users == null || !isUsable(users) || !users.has("api_requests")) {
            return 0;
        }
        try (PreparedStatement statement = source.connection()
                .prepareStatement("SELECT coalesce(sum(t.api_requests), 0)::bigint FROM " + source.from(USERS)
                        + " WHERE t.date = ?")) {
            statement.setString(1, day.toString());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }
}
