package io.llmdb.usage;

import io.llmdb.internal.Sql;
import io.llmdb.spend.CounterId;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;

/** Compares main counters with the sums of the daily totals and, where these are wrong or too coarse, of the log. */
final class CounterCheck {

    private final Map<ScopeBooks, String> statements = new EnumMap<>(ScopeBooks.class);
    private final Map<CounterId, CounterState> states = new LinkedHashMap<>();
    private long counters;
    private long windowsUnknown;

    CounterCheck(Sql sql) {
        for (ScopeBooks scope : ScopeBooks.values()) {
            statements.put(scope, scope.compare(sql));
        }
    }

    /**
     * Checks the counters of a scope.
     *
     * @param ruined days whose daily totals are not to be believed
     * @param opaque days of which the log does not tell all
     * @param wanted counters that are wanted whether or not they agree
     */
    void check(
            Connection connection,
            ScopeBooks scope,
            SortedSet<LocalDate> ruined,
            SortedSet<LocalDate> opaque,
            Collection<CounterId> wanted)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(statements.get(scope))) {
            Array ruinedDays = dates(connection, ruined);
            Array opaqueDays = dates(connection, opaque);
            statement.setArray(1, ruinedDays);
            statement.setArray(2, ruinedDays);
            statement.setArray(3, opaqueDays);
            statement.setArray(4, opaqueDays);
            statement.setArray(
                    5,
                    connection.createArrayOf(
                            "text", wanted.stream().map(CounterId::id).toArray()));
            statement.setArray(
                    6,
                    connection.createArrayOf(
                            "text", wanted.stream().map(CounterId::parentId).toArray()));
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                counters += rows.getLong(6);
                windowsUnknown += rows.getLong(8);
                while (rows.next()) {
                    CounterId counter = new CounterId(scope.scope(), rows.getString(1), rows.getString(2), "", "");
                    states.put(
                            counter,
                            new CounterState(
                                    counter,
                                    rows.getObject(3, LocalDate.class),
                                    rows.getBoolean(4),
                                    rows.getBoolean(5),
                                    rows.getBigDecimal(6),
                                    rows.getBigDecimal(7),
                                    rows.getBigDecimal(8),
                                    rows.getBigDecimal(9)));
                }
            }
        }
    }

    private static Array dates(Connection connection, SortedSet<LocalDate> days) throws SQLException {
        return connection.createArrayOf(
                "date", days.stream().map(LocalDate::toString).toArray());
    }

    /** The counters that differ or were wanted, in the order of their scopes. */
    Map<CounterId, CounterState> states() {
        return states;
    }

    long counters() {
        return counters;
    }

    long windowsUnknown() {
        return windowsUnknown;
    }
}
