package io.llmdb.tests.open;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;

/** A process that opens a database and closes it. Arguments: URL, schema. */
final class OpenAndClose {

    private OpenAndClose() {}

    public static void main(String[] args) {
        LlmDbSettings settings = LlmDbSettings.builder()
                .connection(connection ->
                        connection.databaseUrl(args[0]).schema(args[1]).poolLimit(3))
                .build();
        try (LlmDb db = LlmDb.open(settings)) {
            System.out.println("open "
                    + db.admin()
                            .teams()
                            .list(io.llmdb.identity.TeamFilter.all(), io.llmdb.common.PageRequest.first(1))
                            .items()
                            .size());
        }
    }
}
