package io.llmdb.litellm;

import io.llmdb.internal.Sql;
import io.llmdb.litellm.Entity.Reference;
import io.llmdb.litellm.Tally.Fate;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/** Rows that name rows of other tables. */
final class References {

    private final Sql sql;

    References(Sql sql) {
        this.sql = sql;
    }

    /** Rows that name what does not exist: nothing is named, or what is named is made, or the row is left out. */
    void resolve(Connection connection, Reference reference, List<PendingRow> rows) throws SQLException {
        Set<String> missing = missing(connection, reference, rows);
        if (missing.isEmpty()) {
            return;
        }
        if (reference.missing() == Entity.Missing.MAKE) {
            try (PreparedStatement statement = connection.prepareStatement(
                    sql.of(
                            "INSERT INTO ${llmdb}.\"" + reference.table() + "\" (\"" + reference.key()
                                    + "\") SELECT * FROM unnest(?::text[]) d (id) ORDER BY d.id COLLATE \"C\" ON CONFLICT DO NOTHING"))) {
                statement.setArray(1, connection.createArrayOf("text", missing.toArray()));
                statement.executeUpdate();
            }
        }
        rows.removeIf(row -> {
            Object value = row.row.here().get(reference.column());
            if (value == null || !missing.contains(value.toString())) {
                return false;
            }
            switch (reference.missing()) {
                case CLEAR -> {
                    row.row.put(reference.column(), null);
                    row.row.changed(
                            reference.sourceColumn(), "names what is not in " + reference.table() + ": cleared");
                }
                case MAKE ->
                    row.row.changed(
                            reference.sourceColumn(),
                            "names what was not in " + reference.table() + ": a row with nothing but the id was made");
                case SKIP ->
                    row.becomes(Fate.SKIPPED, reference.column() + " names what is not in " + reference.table());
            }
            return reference.missing() == Entity.Missing.SKIP;
        });
    }

    private Set<String> missing(Connection connection, Reference reference, List<PendingRow> rows) throws SQLException {
        Set<String> named = rows.stream()
                .map(row -> row.row.here().get(reference.column()))
                .filter(Objects::nonNull)
                .map(String::valueOf)
                .collect(Collectors.toSet());
        Set<String> missing = new HashSet<>();
        if (named.isEmpty()) {
            return missing;
        }
        try (PreparedStatement statement = connection.prepareStatement(
                sql.of("SELECT d.id FROM unnest(?::text[]) d (id) WHERE NOT EXISTS (SELECT 1 FROM ${llmdb}.\""
                        + reference.table() + "\" r WHERE r.\"" + reference.key() + "\" = d.id)"))) {
            statement.setArray(1, connection.createArrayOf("text", named.toArray()));
            try (ResultSet found = statement.executeQuery()) {
                while (found.next()) {
                    missing.add(found.getString(1));
                }
            }
        }
        return missing;
    }
}
