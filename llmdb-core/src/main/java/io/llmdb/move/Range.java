package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.sql.SQLException;
import java.util.Objects;

/**
 * A stretch of time of a log, as a condition that holds on both sides, whichever partition has the rows.
 *
 * @param template the condition with {@code %s} for the time column; empty: what lies outside all partitions
 */
record Range(String template) {

    static final Range STRAYS = new Range("");

    static Range of(Partition partition) {
        return partition.hasRange()
                ? new Range("%s >= " + Names.literal(Objects.requireNonNull(partition.lower())) + " AND %s < "
                        + Names.literal(Objects.requireNonNull(partition.upper())))
                : STRAYS;
    }

    static Range of(Witness.Stretch stretch) {
        return new Range("%s >= " + Names.literal(stretch.first()) + " AND %s <= " + Names.literal(stretch.last()));
    }

    /** @param source the side whose partitions count */
    String condition(Session source, Log log) throws SQLException {
        String time = Names.quoted(log.time());
        if (!template.isEmpty()) {
            return "(" + template.replace("%s", time) + ")";
        }
        StringBuilder outside = new StringBuilder("true");
        for (Partition partition : Partition.list(source, log)) {
            if (partition.hasRange()) {
                outside.append(" AND NOT (").append(partition.condition()).append(')');
            }
        }
        return "(" + outside + ")";
    }
}
