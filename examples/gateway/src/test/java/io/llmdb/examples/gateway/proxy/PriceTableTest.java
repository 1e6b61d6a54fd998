package io.llmdb.examples.gateway.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.llmdb.examples.gateway.upstream.Usage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PriceTableTest {

    @TempDir
    private Path directory;

    private Path file(String json) throws IOException {
        return Files.writeString(directory.resolve("prices.json"), json);
    }

    @Test
    void readsPricesAsTheyAreWritten() throws IOException {
        PriceTable prices = PriceTable.read(file("""
                {"a": {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 0.1, "litellm_provider": "x"},
                 "image": {"input_cost_per_image": 1}}"""));
        assertThat(prices.models()).containsExactly("a");
        // In floating point, 0.1 three times is 0.30000000000000004.
        assertThat(prices.find("a").orElseThrow().of(new Usage(1, 3))).isEqualByComparingTo("0.30000015");
        assertThat(prices.find("b")).isEmpty();
        assertThat(PriceTable.bundled().models()).contains("gpt-4o", "gpt-4o-mini");
    }

    @Test
    void namesWhatIsWrong() throws IOException {
        Path negative = file("{\"a\": {\"input_cost_per_token\": -1, \"output_cost_per_token\": 0}}");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PriceTable.read(negative))
                .withMessageContaining("input_cost_per_token of \"a\" must be a number of at least 0, not -1");
        Path empty = file("{}");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PriceTable.read(empty))
                .withMessageContaining("names no model");
        Path none = file("{");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PriceTable.read(none))
                .withMessageContaining("is no JSON");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> PriceTable.read(directory.resolve("absent.json")))
                .withMessageContaining("absent.json");
    }
}
