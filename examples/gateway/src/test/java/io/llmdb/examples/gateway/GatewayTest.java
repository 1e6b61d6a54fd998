package io.llmdb.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GatewayTest {

    private final StringWriter said = new StringWriter();

    private int run(String... arguments) {
        PrintWriter writer = new PrintWriter(said, true);
        return Gateway.command().setOut(writer).setErr(writer).execute(arguments);
    }

    @Test
    void explainsItself() {
        assertThat(run("--help")).isZero();
        assertThat(said.toString()).contains("--trace", "--serve", "--database-url", "Exit code");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --speed fast                          | --speed "fast" is neither a number nor max
            --requests 0                          | --requests must be at least 1
            --requests 5 --trace a.csv            | --requests and --trace exclude each other
            --concurrency 0                       | --concurrency must be from 1 to 1000
            --port 70000                          | --port must be from 0 to 65535
            --stub-failures 101                   | --stub-failures must be from 0 to 100
            --trace absent.csv                    | Cannot read the trace absent.csv
            --prices absent.json                  | Cannot read the price table absent.json
            --nonsense                            | Unknown option: '--nonsense'
            """)
    void refusesWrongArgumentsBeforeItStartsAnything(String arguments, String message) {
        assertThat(run(arguments.split(" "))).as(said.toString()).isEqualTo(2);
        assertThat(said.toString()).contains(message);
    }

    @Test
    void saysWhatIsWrongWithTheConfiguration(@TempDir Path directory) throws Exception {
        Path config = Files.writeString(
                directory.resolve("proxy_config.yaml"), "general_settings:\n  database_connection_pool_limit: many\n");
        assertThat(run("--config", config.toString(), "--requests", "1")).isEqualTo(1);
        assertThat(said.toString()).contains("proxy_config.yaml:2", "database_connection_pool_limit");
        Files.writeString(config, """
                general_settings:
                  database_url: postgresql://nobody:hidden-word@localhost:1/none
                  database_connection_timeout: 300ms
                """);
        assertThat(run("--config", config.toString(), "--requests", "1")).isEqualTo(1);
        assertThat(said.toString()).contains("The database cannot be reached");
        assertThat(said.toString()).doesNotContain("hidden-word");
    }
}
