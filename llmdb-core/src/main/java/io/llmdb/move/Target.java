package io.llmdb.move;

import io.llmdb.move.Catalogue.Keyed;
import io.llmdb.move.Catalogue.Log;
import io.llmdb.move.MoveState.UnitKey;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a move does to its target as a whole. */
final class Target {

    private Target() {}

    /** Statistics, without which the first queries would be planned blindly. */
    static void analyze(MoveEndpoint side, MoveChoice choice) throws SQLException {
        for (String table : tables(choice)) {
            try (Session session = Session.write(side)) {
                session.run("ANALYZE " + session.table(table));
                session.commit();
            }
        }
    }

    private static List<String> tables(MoveChoice choice) {
        List<String> tables = new ArrayList<>();
        Catalogue.keyed(choice).stream().map(Keyed::name).forEach(tables::add);
        Feed.of(choice).stream().map(feed -> feed.target().name()).distinct().forEach(tables::add);
        return tables;
    }

    /** Numbers that the target makes from now on begin behind those that came. */
    static void advanceSequences(Session target, MoveChoice choice) throws SQLException {
        for (String table : tables(choice)) {
            for (@Nullable
            String[] row : target.rows("""
                    SELECT a.attname, pg_get_serial_sequence(?, a.attname) FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped
                      AND pg_get_serial_sequence(?, a.attname) IS NOT NULL""", target.table(table), target.table(table), target.table(table))) {
                target.run("SELECT setval(" + Names.literal(Objects.requireNonNull(row[1])) + ", (SELECT max("
                        + Names.quoted(Objects.requireNonNull(row[0])) + ") FROM " + target.table(table) + "))");
            }
        }
    }

    /** Takes away whatever the move brought, so that the target is as empty as before. */
    static void empty(Session target) throws SQLException {
        Copy.own(target);
        for (UnitKey unit : MoveState.units(target).keySet()) {
            boolean isPartition = !unit.part().isEmpty()
                    && target.is(
                            "SELECT coalesce((SELECT relispartition AND pg_get_expr(relpartbound, oid) <> 'DEFAULT'"
                                    + " FROM pg_class WHERE oid = to_regclass(?)), false)",
                            target.table(unit.part()));
            if (isPartition) {
                target.run("DROP TABLE " + target.table(unit.part()));
            }
        }
        List<String> all = new ArrayList<>();
        Catalogue.KEYED.stream().map(Keyed::name).forEach(all::add);
        Catalogue.LOGS.stream().map(Log::name).forEach(all::add);
        target.run("TRUNCATE " + all.stream().map(target::table).collect(Collectors.joining(", ")));
        target.run("UPDATE ${llmdb}.\"LLM_LogState\" SET dropped_before = '-infinity', prompts_before = '-infinity'");
        forget(target);
    }

    /** Forgets the move; what it brought stays. */
    static void forget(Session target) throws SQLException {
        target.run("DELETE FROM ${llmdb}.\"LLM_MoveUnit\"");
        target.run("DELETE FROM ${llmdb}.\"LLM_Move\"");
    }
}
