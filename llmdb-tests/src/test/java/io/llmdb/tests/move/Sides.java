package io.llmdb.tests.move;

import io.llmdb.LlmDb;
import io.llmdb.move.DatabaseMove;
import io.llmdb.move.MoveEndpoint;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A source with the library's schema and an empty target, on one server or two. */
final class Sides implements AutoCloseable {

    final TestDatabase source;
    final TestDatabase target;

    private Sides(TestDatabase source, TestDatabase target) {
        this.source = source;
        this.target = target;
    }

    static Sides on(PostgresServer sourceServer, PostgresServer targetServer) {
        return new Sides(sourceServer.newDatabase("llmdb"), targetServer.newEmptyDatabase("Zweit-Haus$2"));
    }

    static Sides onShared() {
        return on(PostgresServer.shared(), PostgresServer.shared());
    }

    static MoveEndpoint endpoint(TestDatabase database, String name) {
        return new MoveEndpoint(database.dataSource(), database.schema(), name);
    }

    DatabaseMove.Builder move() {
        return DatabaseMove.from(endpoint(source, "old")).to(endpoint(target, "new"));
    }

    LlmDb openTarget() {
        return target.open();
    }

    /** Every table of ours that is moved, with its rows as text, sorted. */
    static Map<String, List<String>> content(TestDatabase database, Set<String> without) {
        Map<String, List<String>> content = new TreeMap<>();
        for (Map<String, Object> table : database.rows("""
                SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = ? AND c.relname LIKE 'LLM%' AND c.relkind IN ('r', 'p') AND NOT c.relispartition""", database.schema())) {
            String name = String.valueOf(table.get("relname"));
            if (!without.contains(name)) {
                content.put(
                        name,
                        database
                                .rows("SELECT t::text AS row FROM ${llmdb}.\"" + name
                                        + "\" t ORDER BY t::text COLLATE \"C\"")
                                .stream()
                                .map(row -> String.valueOf(row.get("row")))
                                .toList());
            }
        }
        return content;
    }

    @Override
    public void close() {
        source.close();
        target.close();
    }
}
