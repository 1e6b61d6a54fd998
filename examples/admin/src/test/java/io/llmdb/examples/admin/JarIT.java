package io.llmdb.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The jar, as people run it: {@code java -jar llmdb-admin.jar}. */
@LlmDbTest(migrated = false)
@EnabledIfSystemProperty(named = "admin.jar", matches = ".+", disabledReason = "runs behind package")
class JarIT {

    @Test
    void runs(TestDatabase database) throws IOException, InterruptedException {
        assertThat(run(database, "migrate")).contains("was migrated to version");
        assertThat(run(database, "keys", "create", "--alias", "jar").lines().filter(line -> line.startsWith("sk-")))
                .hasSize(1);
        assertThat(run(database, "keys", "list")).contains("jar");
        assertThat(run(database, "verify")).contains("The books agree");
    }

    private static String run(TestDatabase database, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-jar",
                Objects.requireNonNull(System.getProperty("admin.jar"))));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("DATABASE_URL", database.databaseUrl());
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        return output;
    }
}
