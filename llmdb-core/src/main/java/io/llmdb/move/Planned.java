package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.MovePlan.PlannedTable;
import io.llmdb.move.MoveState.Move;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is ahead of a move, and what is behind it. */
final class Planned {

    private static final String SIZE = """
            SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint ELSE 0 END, pg_table_size(c.oid)
            FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(?)""";

    private Planned() {}

    static List<PlannedTable> tables(Session source, MoveChoice choice) throws SQLException {
        List<PlannedTable> tables = new ArrayList<>();
        for (Keyed table : Catalogue.keyed(choice)) {
            @Nullable
            String[] size = source.rows(SIZE, source.table(table.name())).get(0);
            tables.add(new PlannedTable(
                    table.name(),
                    "",
                    Long.parseLong(Objects.requireNonNull(size[0])),
                    Long.parseLong(Objects.requireNonNull(size[1]))));
        }
        for (Feed feed : Feed.of(choice)) {
            for (Partition partition : Partition.list(source, feed.source())) {
                if (partition.concerns(feed)) {
                    tables.add(new PlannedTable(
                            feed.target().name(),
                            partition.name(),
                            partition.rows(),
                            feed.isDerived() ? 48 * partition.rows() : partition.bytes()));
                }
            }
        }
        return tables;
    }

    static MoveStatus status(Session target) throws SQLException {
        Move move = MoveState.find(target);
        if (move == null) {
            return new MoveStatus(MovePhase.NONE, "", null, 0, 0, 0, null, next(MovePhase.NONE));
        }
        @Nullable String[] row = target.rows("""
                SELECT (extract(epoch FROM m.started_at) * 1000)::bigint, m.passes, (extract(epoch FROM m.last_pass_at) * 1000)::bigint,
                    (SELECT count(*) FROM ${llmdb}."LLM_MoveUnit"), (SELECT coalesce(sum(row_count), 0) FROM ${llmdb}."LLM_MoveUnit")
                FROM ${llmdb}."LLM_Move" m""").get(0);
        return new MoveStatus(
                move.phase(),
                move.sourceName(),
                Instant.ofEpochMilli(Long.parseLong(Objects.requireNonNull(row[0]))),
                Integer.parseInt(Objects.requireNonNull(row[3])),
                Long.parseLong(Objects.requireNonNull(row[4])),
                Long.parseLong(Objects.requireNonNull(row[1])),
                row[2] == null ? null : Instant.ofEpochMilli(Long.parseLong(row[2])),
                next(move.phase()));
    }

    static String next(MovePhase phase) {
        return switch (phase) {
            case NONE -> "there is no move into this target; begin with copy";
            case COPYING -> "the copy is not complete; call copy, which goes on where it ended";
            case COPIED -> "the copy is complete; call follow, or copy again to bring it up to the present";
            case FOLLOWING -> "the source is followed; call pass from time to time, and cutOver when you are ready";
            case FENCING -> "a cut-over was interrupted; call cutOver to go on, or abandon to open the old side again";
            case MOVED -> "the move is done; use the target";
        };
    }
}
