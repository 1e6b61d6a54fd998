package io.llmdb.examples.gateway.traffic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TraceTest {

    private static final String HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens";

    @TempDir
    private Path directory;

    private Path file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    @Test
    void readsBothLineEndsAndALastLineWithoutOne() throws IOException {
        Path first =
                file("a.csv", HEADER + "\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8");
        Path second = file("b.csv", HEADER + "\n2023-11-16 18:17:04.0000001,7,1\n2023-11-16 18:17:03.9799600,5,2\n\n");
        Trace trace = Trace.read(List.of(first, second));
        assertThat(trace.rows())
                .containsExactly(
                        new Trace.Row(0, 4808, 10),
                        new Trace.Row(0, 5, 2),
                        new Trace.Row(20_040_100, 7, 1),
                        new Trace.Row(52_000_000, 3180, 8));
        assertThat(trace.contextTokens()).isEqualTo(8000);
        assertThat(trace.generatedTokens()).isEqualTo(21);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2023-11-16 18:17:03.97,1           | has not three columns
            2023-11-16 18:17:03.97,1,2,3       | has not three columns
            2023-11-16T18:17:03.97,1,2         | 2023-11-16T18:17:03.97
            2023-11-16 18:17:03.97,1.5,2       | ContextTokens "1.5" is no whole number
            2023-11-16 18:17:03.97,1,0         | GeneratedTokens "0" is no whole number
            """)
    void namesFileAndLineOfWhatItCannotRead(String line, String problem) throws IOException {
        Path file = file("bad.csv", HEADER + "\n2023-11-16 18:17:03.97,1,1\n" + line + "\n");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Trace.read(List.of(file)))
                .withMessageContaining("bad.csv, line 3")
                .withMessageContaining(problem);
    }

    @Test
    void wantsItsHeaderAndAFileThatIsThere() throws IOException {
        Path file = file("bad.csv", "time,in,out\n");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Trace.read(List.of(file)))
                .withMessageContaining("bad.csv, line 1: must begin with " + HEADER);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Trace.read(List.of(directory.resolve("absent.csv"))))
                .withMessageContaining("absent.csv");
    }
}
