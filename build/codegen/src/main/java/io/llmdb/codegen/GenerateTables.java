package io.llmdb.codegen;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.flywaydb.core.Flyway;
import org.jooq.codegen.GenerationTool;
import org.jooq.meta.jaxb.Configuration;
import org.jooq.meta.jaxb.Database;
import org.jooq.meta.jaxb.Generate;
import org.jooq.meta.jaxb.Generator;
import org.jooq.meta.jaxb.Jdbc;
import org.jooq.meta.jaxb.OnError;
import org.jooq.meta.jaxb.Strategy;
import org.jooq.meta.jaxb.Target;

/**
 * Generates the jOOQ classes of the schema: starts a PostgreSQL, migrates it, reads it.
 *
 * <p>The SQL files are the only source. Nothing is done when neither they nor this generator changed since the last
 * run, which a checksum beside the output tells.
 *
 * <p>Arguments: the folder of the migrations, the folder to write to.
 */
public final class GenerateTables {

    private static final String SCHEMA = "llmdb";
    private static final String PACKAGE = "io.llmdb.schema.jooq";

    /** Raise it when the generator itself changes what it writes. */
    private static final String GENERATOR_VERSION = "1";

    private GenerateTables() {}

    public static void main(String[] args) throws Exception {
        Path migrations = Path.of(args[0]);
        Path output = Path.of(args[1]);
        Path stamp = output.resolveSibling("jooq.checksum");
        String checksum = checksum(migrations);
        if (Files.exists(stamp)
                && Files.isDirectory(output)
                && Files.readString(stamp).equals(checksum)) {
            System.out.println("Tables are up to date with " + migrations);
            return;
        }
        Files.createDirectories(output);
        try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
            String url = server.getJdbcUrl("postgres", "postgres");
            Flyway.configure()
                    .loggers("slf4j")
                    .dataSource(url, "postgres", "postgres")
                    .schemas(SCHEMA)
                    .defaultSchema(SCHEMA)
                    .table("llmdb_schema_history")
                    .placeholders(Map.of("llmdb", '"' + SCHEMA + '"'))
                    .locations("filesystem:" + migrations)
                    .load()
                    .migrate();
            GenerationTool.generate(configuration(url, output));
        }
        Files.writeString(stamp, checksum);
    }

    private static Configuration configuration(String url, Path output) {
        return new Configuration()
                .withJdbc(new Jdbc().withUrl(url).withUser("postgres").withPassword("postgres"))
                .withOnError(OnError.FAIL)
                .withGenerator(new Generator()
                        .withStrategy(new Strategy().withName(JavaNames.class.getName()))
                        .withDatabase(new Database()
                                .withName("org.jooq.meta.postgres.PostgresDatabase")
                                .withInputSchema(SCHEMA)
                                .withIncludes(".*")
                                // Children of partitioned tables and Flyway's own table are no part of the API.
                                .withExcludes("llmdb_schema_history|.*_p(default|[0-9]+)|llmdb_.*")
                                .withIncludeRoutines(false)
                                .withIncludeSequences(false)
                                .withIncludeIndexes(false)
                                .withIncludeForeignKeys(false))
                        .withGenerate(new Generate()
                                .withRecords(true)
                                .withPojos(false)
                                .withDaos(false)
                                .withJavaTimeTypes(true)
                                .withGlobalCatalogReferences(false)
                                .withIndexes(false)
                                .withComments(true))
                        .withTarget(new Target()
                                .withPackageName(PACKAGE)
                                .withDirectory(output.toString())
                                .withClean(true)));
    }

    private static String checksum(Path migrations) throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(GENERATOR_VERSION.getBytes(StandardCharsets.UTF_8));
        try (Stream<Path> files = Files.list(migrations)) {
            List<Path> sorted = files.sorted(Comparator.naturalOrder()).toList();
            for (Path file : sorted) {
                digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
                digest.update(readAll(file));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static byte[] readAll(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }
}
