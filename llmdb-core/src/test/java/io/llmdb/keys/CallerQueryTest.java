package io.llmdb.keys;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class CallerQueryTest {

    /** A column too many, too few or elsewhere would put one column's value into another. */
    @Test
    void theFunctionWritesTheColumnsThatAreReadInTheirOrder() throws IOException {
        String migration;
        try (InputStream file =
                CallerQueryTest.class.getResourceAsStream("/io/llmdb/schema/migrations/V62__callers.sql")) {
            migration = new String(Objects.requireNonNull(file).readAllBytes(), StandardCharsets.UTF_8);
        }

        String[] functions = migration.replaceAll("\\s+", " ").split("CREATE FUNCTION ");
        assertThat(functions).hasSize(3);
        assertThat(functions[1]).startsWith("${llmdb}.llmdb_caller(").contains(CallerQuery.rows());
        assertThat(functions[2])
                .startsWith("${llmdb}.llmdb_caller_key(")
                .contains(CallerQuery.rows().get(0));
    }
}
