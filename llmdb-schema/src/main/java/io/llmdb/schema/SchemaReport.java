package io.llmdb.schema;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a database's schema stands against this version of the library.
 *
 * @param schema the name of the schema
 * @param version the newest migration that the database has, or null where it has none
 * @param applied the versions that are applied, oldest first
 * @param pending the versions that this library has and the database does not, oldest first
 * @param problems what forbids to use the schema, each with what to do about it; empty when all is well
 */
public record SchemaReport(
        String schema, @Nullable String version, List<String> applied, List<String> pending, List<String> problems) {

    /** Copies the lists. */
    public SchemaReport {
        applied = List.copyOf(applied);
        pending = List.copyOf(pending);
        problems = List.copyOf(problems);
    }

    /**
     * Whether this version of the library can work on the schema as it is.
     *
     * @return false where a migration is pending or a problem was found
     */
    public boolean isCurrent() {
        return pending.isEmpty() && problems.isEmpty();
    }
}
