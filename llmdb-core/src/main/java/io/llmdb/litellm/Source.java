package io.llmdb.litellm;

import io.llmdb.internal.DbErrors;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The LiteLLM database, as of one moment: everything is read in one read-only transaction at REPEATABLE READ. Used by
 * one thread.
 */
final class Source implements AutoCloseable {

    static final String PREFIX = "LiteLLM_";

    private static final int FETCH = 500;

    private static final String SCHEMAS = """
            SELECT DISTINCT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = 'LiteLLM_VerificationToken' AND c.relkind IN ('r', 'p') ORDER BY 1""";

    /** Columns as text: floating-point numbers in their shortest form, lists as JSON. */
    private static final String COLUMNS = """
            SELECT c.relname, a.attname, t.typname, t.typcategory, has_table_privilege(c.oid, 'SELECT')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type t ON t.oid = a.atttypid
            WHERE n.nspname = ? AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            ORDER BY c.relname, a.attnum""";

    /**
     * A table as it is there.
     *
     * @param columns the SQL that gives each column as text, by name
     */
    record Table(String name, boolean readable, Map<String, String> columns) {

        boolean has(String column) {
            return columns.containsKey(column);
        }

        /** The column as text; NULL where this version of LiteLLM does not have it. */
        String expression(String column) {
            return columns.getOrDefault(column, "NULL");
        }
    }

    /** Takes one row: its columns as text. */
    interface RowSink {
        void accept(Map<String, @Nullable String> row) throws SQLException;
    }

    private final Connection connection;
    private final String schema;
    private final Map<String, Table> tables = new LinkedHashMap<>();
    private final List<String> others = new ArrayList<>();
    private Instant snapshot = Instant.EPOCH;
    private String name = "";

    private Source(Connection connection, String schema) {
        this.connection = connection;
        this.schema = schema;
    }

    /**
     * Opens the database and looks whether it is one.
     *
     * @throws ImportRefusedException where it is no LiteLLM database, or may not be read
     */
    static Source open(DataSource dataSource, String schema) {
        try {
            Connection connection = dataSource.getConnection();
            Source source = new Source(connection, schema);
            try {
                connection.setAutoCommit(false);
                source.begin();
                source.requireReadable();
                return source;
            } catch (SQLException | RuntimeException e) {
                source.close();
                throw e;
            }
        } catch (SQLException e) {
            throw DbErrors.translate(e);
        }
    }

    private void begin() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
            statement.execute("SET LOCAL extra_float_digits = 3");
            statement.execute("SET LOCAL datestyle = 'ISO, YMD'");
            statement.execute("SET LOCAL timezone = 'UTC'");
            statement.execute("SET LOCAL bytea_output = 'hex'");
            statement.execute("SET LOCAL statement_timeout = 0");
            statement.execute("SET LOCAL idle_in_transaction_session_timeout = 0");
            try (ResultSet row = statement.executeQuery("SELECT now(), current_database()")) {
                row.next();
                snapshot = row.getObject(1, OffsetDateTime.class).toInstant();
                name = row.getString(2) + "." + schema;
            }
        }
        try (PreparedStatement query = connection.prepareStatement(COLUMNS)) {
            query.setString(1, schema);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    String table = rows.getString(1);
                    if (!table.startsWith(PREFIX)) {
                        if (!others.contains(table)) {
                            others.add(table);
                        }
                        continue;
                    }
                    boolean readable = rows.getBoolean(5);
                    tables.computeIfAbsent(table, any -> new Table(table, readable, new LinkedHashMap<>()))
                            .columns()
                            .put(rows.getString(2), asText(rows.getString(2), rows.getString(3), rows.getString(4)));
                }
            }
        }
    }

    private static String asText(String column, String type, String category) {
        String quoted = "t." + quoted(column);
        if (category.equals("A")) {
            return "array_to_json(" + quoted + ")::text";
        }
        return type.equals("timestamptz") ? "(" + quoted + " AT TIME ZONE 'UTC')::text" : quoted + "::text";
    }

    private void requireReadable() throws SQLException {
        Table keys = tables.get("LiteLLM_VerificationToken");
        if (keys == null || !keys.has("token")) {
            throw new ImportRefusedException("Schema \"" + schema + "\" of database \"" + database()
                    + "\" holds no LiteLLM tables: it has no \"LiteLLM_VerificationToken\" with a column token. "
                    + elsewhere());
        }
        List<String> unreadable = tables.values().stream()
                .filter(table -> !table.readable())
                .map(Table::name)
                .toList();
        if (!unreadable.isEmpty()) {
            throw new ImportRefusedException("The role \"" + role() + "\" may not read " + unreadable.size()
                    + " LiteLLM tables, such as \"" + unreadable.get(0) + "\". Let their owner run: "
                    + "GRANT USAGE ON SCHEMA " + quoted(schema) + " TO " + quoted(role())
                    + "; GRANT SELECT ON ALL TABLES IN SCHEMA " + quoted(schema) + " TO " + quoted(role()));
        }
    }

    private String elsewhere() throws SQLException {
        List<String> schemas = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(SCHEMAS)) {
            while (rows.next()) {
                schemas.add('"' + rows.getString(1) + '"');
            }
        }
        return schemas.isEmpty()
                ? "Name the database that LiteLLM's DATABASE_URL names"
                : "They are in schema " + String.join(", ", schemas) + ": name it as the source's schema";
    }

    private String role() throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT current_user")) {
            row.next();
            return row.getString(1);
        }
    }

    /** The moment of the snapshot, by the source's clock. */
    Instant snapshot() {
        return snapshot;
    }

    /** The database and the schema. */
    String name() {
        return name;
    }

    private String database() {
        return name.substring(0, name.length() - schema.length() - 1);
    }

    Connection connection() {
        return connection;
    }

    /** All LiteLLM tables by name. */
    Map<String, Table> tables() {
        return tables;
    }

    /** Tables of the schema that are not LiteLLM's. */
    List<String> others() {
        return others;
    }

    @Nullable
    Table table(String table) {
        return tables.get(table);
    }

    /** The table's name for SQL; it goes by the name t. */
    String from(String table) {
        return quoted(schema) + "." + quoted(table) + " t";
    }

    static String quoted(String identifier) {
        return '"' + identifier.replace("\"", "\"\"") + '"';
    }

    /**
     * Reads a table row by row.
     *
     * @param more further columns: SQL that gives text, by name
     */
    void read(Table table, Map<String, String> more, RowSink sink) throws SQLException {
        Map<String, String> wanted = new LinkedHashMap<>(table.columns());
        wanted.putAll(more);
        List<String> names = List.copyOf(wanted.keySet());
        String query = "SELECT " + String.join(", ", wanted.values()) + " FROM " + from(table.name());
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(FETCH);
            try (ResultSet rows = statement.executeQuery(query)) {
                while (rows.next()) {
                    Map<String, @Nullable String> row = new LinkedHashMap<>();
                    for (int i = 0; i < names.size(); i++) {
                        row.put(names.get(i), rows.getString(i + 1));
                    }
                    sink.accept(row);
                }
            }
        }
    }

    /** Counts the rows of a table, and the values of each of its columns that are not NULL. */
    Tally countOnly(Table table, String reason) throws SQLException {
        Tally tally = new Tally(table.name(), null, List.copyOf(table.columns().keySet()));
        String counts = table.columns().keySet().stream()
                .map(column -> ", count(t." + quoted(column) + ")")
                .collect(Collectors.joining());
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT count(*)" + counts + " FROM " + from(table.name()))) {
            row.next();
            if (row.getLong(1) > 0) {
                tally.rows(row.getLong(1), Tally.Fate.SKIPPED, reason, null);
            }
            int at = 2;
            for (String column : table.columns().keySet()) {
                tally.values(column, row.getLong(at++), Tally.ValueFate.IN_OTHER_ROW, "", null);
            }
        }
        return tally;
    }

    /** About how many rows the tables have, by PostgreSQL's statistics. */
    Map<String, Long> estimates() throws SQLException {
        Map<String, Long> estimates = new LinkedHashMap<>();
        try (PreparedStatement query = connection.prepareStatement("""
                SELECT c.relname, greatest(c.reltuples, 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = ? AND c.relkind IN ('r', 'p')""")) {
            query.setString(1, schema);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    estimates.put(rows.getString(1), rows.getLong(2));
                }
            }
        }
        return estimates;
    }

    /** The names of tables that an import has no place for, in their order. */
    List<String> beside(List<String> known) {
        return tables.keySet().stream()
                .filter(table -> !known.contains(table))
                .sorted(Comparator.naturalOrder())
                .toList();
    }

    @Override
    public void close() {
        try (connection) {
            connection.rollback();
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            // It was only read from; a pool throws broken connections away.
        }
    }
}
