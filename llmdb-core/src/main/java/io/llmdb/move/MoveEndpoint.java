package io.llmdb.move;

import java.util.Objects;
import javax.sql.DataSource;

/**
 * One side of a move.
 *
 * @param dataSource gives connections with auto-commit on, of a role that owns the tables; stays its owner's to close
 * @param schema the schema's name, unquoted
 * @param name what messages, and the old side's proxies, call it, such as {@code new-host:5432/llm}; no password
 */
public record MoveEndpoint(DataSource dataSource, String schema, String name) {

    /** Refuses absent values. */
    public MoveEndpoint {
        Objects.requireNonNull(dataSource, "dataSource");
        Objects.requireNonNull(schema, "schema");
        Objects.requireNonNull(name, "name");
    }

    /** @return the name and the schema */
    @Override
    public String toString() {
        return name + ", schema \"" + schema + '"';
    }
}
