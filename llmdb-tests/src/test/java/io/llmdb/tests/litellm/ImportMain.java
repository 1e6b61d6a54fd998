package io.llmdb.tests.litellm;

import io.llmdb.LlmDb;
import io.llmdb.settings.LlmDbSettings;
import io.llmdb.settings.Secret;
import java.util.Map;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A process that imports and tells how far it is. Arguments: URL of the target, JDBC URL, user and password of the
 * source.
 */
final class ImportMain {

    private ImportMain() {}

    public static void main(String[] args) {
        LlmDbSettings settings = LlmDbSettings.builder()
                .environment(Map.of())
                .connection(connection -> connection.databaseUrl(args[0]).poolLimit(4))
                .models(models -> models.saltKey(Secret.of("a salt key of the target's own")))
                .build();
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(args[1]);
        source.setUser(args[2]);
        source.setPassword(args[3]);
        try (LlmDb db = LlmDb.open(settings)) {
            db.importFromLiteLlm(source)
                    .saltKey(LiteLlmSource.SALT_KEY)
                    .run(progress -> System.out.println("at " + progress.table() + " " + progress.rows()));
            System.out.println("finished");
        }
    }
}
