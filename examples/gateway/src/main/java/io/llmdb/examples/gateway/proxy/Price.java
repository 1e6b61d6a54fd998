package io.llmdb.examples.gateway.proxy;

import io.llmdb.examples.gateway.upstream.Usage;
import java.math.BigDecimal;

/**
 * What a model costs.
 *
 * @param input per token of a prompt
 * @param output per token of an answer
 * @param maxOutputTokens the most tokens of an answer, which the estimate takes where a request sets no bound
 * @param provider who runs the model
 */
public record Price(BigDecimal input, BigDecimal output, int maxOutputTokens, String provider) {

    /**
     * @param usage what an answer took
     * @return its cost, exact
     */
    public BigDecimal of(Usage usage) {
        return input.multiply(BigDecimal.valueOf(usage.promptTokens()))
                .add(output.multiply(BigDecimal.valueOf(usage.completionTokens())));
    }
}
