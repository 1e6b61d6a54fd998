package io.llmdb.move;

import io.llmdb.move.Catalogue.Log;
import java.math.BigDecimal;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A partition of a log.
 *
 * @param log the log
 * @param name the partition's name, unquoted
 * @param bound what follows its name in ATTACH PARTITION
 * @param lower its first instant; null for the default partition and one without a first instant
 * @param upper the first instant after it; null for the default partition and one without an end
 * @param rows how many rows about
 * @param bytes how many bytes, without indexes
 * @param attachedBy the transaction that made it a partition
 */
record Partition(
        Log log,
        String name,
        String bound,
        @Nullable String lower,
        @Nullable String upper,
        @Nullable BigDecimal lowerEpoch,
        @Nullable BigDecimal upperEpoch,
        long rows,
        long bytes,
        int attachedBy) {

    private static final String LIST = """
            SELECT p.relname, p.bound, p.ends[1], p.ends[2], extract(epoch FROM p.ends[1]::timestamptz)::numeric,
                extract(epoch FROM p.ends[2]::timestamptz)::numeric, greatest(p.reltuples, 0)::bigint, coalesce(pg_table_size(p.oid), 0), p.attached_by::text
            FROM (
                SELECT c.oid, c.relname, c.reltuples, i.xmin AS attached_by, b.bound, regexp_match(b.bound, $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS ends
                FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
                CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b (bound)
                WHERE i.inhparent = to_regclass(?) AND c.relpartbound IS NOT NULL) p
            ORDER BY p.ends[1]::timestamptz NULLS LAST, p.relname""";

    static List<Partition> list(Session session, Log log) throws SQLException {
        List<Partition> all = new ArrayList<>();
        for (@Nullable String[] row : session.rows(LIST, session.table(log.name()))) {
            all.add(new Partition(
                    log,
                    Objects.requireNonNull(row[0]),
                    Objects.requireNonNull(row[1]),
                    row[2],
                    row[3],
                    row[4] == null ? null : new BigDecimal(row[4]),
                    row[5] == null ? null : new BigDecimal(row[5]),
                    Long.parseLong(Objects.requireNonNull(row[6])),
                    Long.parseLong(Objects.requireNonNull(row[7])),
                    Integer.parseUnsignedInt(Objects.requireNonNull(row[8]))));
        }
        return all;
    }

    /** Which partitions all logs have, as one text. */
    static String layout(Session session) throws SQLException {
        String logs = Catalogue.LOGS.stream()
                .map(log -> Names.literal(session.table(log.name())))
                .collect(Collectors.joining(", "));
        return String.valueOf(session.text("""
                SELECT string_agg(concat_ws(' ', i.inhparent, i.inhrelid, pg_get_expr(c.relpartbound, c.oid)), ', ' ORDER BY i.inhrelid)
                FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent::regclass = ANY (ARRAY[%s]::regclass[])""".formatted(logs)));
    }

    boolean isDefault() {
        return bound.equals("DEFAULT");
    }

    boolean hasRange() {
        return lower != null && upper != null;
    }

    /** Whether any of its rows may count for a feed. */
    boolean concerns(Feed feed) {
        return (feed.until() == null || lowerEpoch == null || lowerEpoch.compareTo(epoch(feed.until())) < 0)
                && (feed.from() == null || upperEpoch == null || upperEpoch.compareTo(epoch(feed.from())) > 0);
    }

    /** Whether both have a range, and share some of it. */
    boolean overlaps(Partition other) {
        return lowerEpoch != null
                && upperEpoch != null
                && other.lowerEpoch != null
                && other.upperEpoch != null
                && lowerEpoch.compareTo(other.upperEpoch) < 0
                && upperEpoch.compareTo(other.lowerEpoch) > 0;
    }

    /** Its rows as a condition on the log. */
    String condition() {
        String time = Names.quoted(log.time());
        return time + " >= " + Names.literal(Objects.requireNonNull(lower)) + " AND " + time + " < "
                + Names.literal(Objects.requireNonNull(upper));
    }

    private static BigDecimal epoch(LocalDate day) {
        return BigDecimal.valueOf(day.atStartOfDay().toEpochSecond(ZoneOffset.UTC));
    }
}
