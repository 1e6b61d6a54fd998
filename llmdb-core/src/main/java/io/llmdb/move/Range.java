package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.sql.SQLException;
import java.util.List;
import java.util.Objects;

/**
 * A stretch of time of a log, as a condition that holds on both sides, whichever partition has the rows.
 *
 * @param template the condition with {@code %s} for the time column; empty: what lies outside all partitions
 */
record Range(String template) {

    static final Range STRAYS = new Range("");

    static final Range ALL = new Range("true");

    static Range of(Partition partition) {
        return partition.hasRange()
                ? new Range("%s >= " + Names.literal(Objects.requireNonNull(partition.lower())) + " AND %s < "
                        + Names.literal(Objects.requireNonNull(partition.upper())))
                : STRAYS;
    }

    static Range of(Witness.Stretch stretch) {
        return new Range("%s >= " + Names.literal(stretch.first()) + " AND %s <= " + Names.literal(stretch.last()));
    }

    /**
     * The condition for a log.
     *
     * @param source the side whose partitions count
     * @param feeds the feeds whose rows are meant; a stray is outside the partitions of all of them
     */
    String condition(Session source, Log log, List<Feed> feeds) throws SQLException {
        String time = Names.quoted(log.time());
        if (!template.isEmpty()) {
            return "(" + template.replace("%s", time) + ")";
        }
        StringBuilder outside = new StringBuilder("true");
        for (Log each : feeds.stream().map(Feed::source).distinct().toList()) {
            for (Partition partition : Partition.list(source, each)) {
                if (partition.hasRange()) {
                    outside.append(" AND NOT (")
                            .append(of(partition).template.replace("%s", time))
                            .append(')');
                }
            }
        }
        return "(" + outside + ")";
    }
}
