package io.llmdb.testkit;

import java.math.BigDecimal;
import java.util.List;

/**
 * What a model costs.
 *
 * @param model the model, as the provider names it
 * @param provider the provider
 * @param perPromptToken the price of a token of the prompt
 * @param perCompletionToken the price of a token of the answer
 */
public record ModelPrice(String model, String provider, BigDecimal perPromptToken, BigDecimal perCompletionToken) {

    /** Prices of the kind that providers ask, from cheap to dear; made up. */
    public static final List<ModelPrice> USUAL = List.of(
            of("gpt-4o-mini", "openai", "0.00000015", "0.0000006"),
            of("gpt-4o", "openai", "0.0000025", "0.00001"),
            of("claude-sonnet", "anthropic", "0.000003", "0.000015"),
            of("llama-3.1-70b", "together_ai", "0.00000088", "0.00000088"),
            of("claude-opus", "anthropic", "0.000015", "0.000075"),
            of("text-embedding-3-small", "openai", "0.00000002", "0"));

    /**
     * A price from decimal numbers.
     *
     * @param model the model
     * @param provider the provider
     * @param perPromptToken the price of a token of the prompt
     * @param perCompletionToken the price of a token of the answer
     * @return the price
     */
    public static ModelPrice of(String model, String provider, String perPromptToken, String perCompletionToken) {
        return new ModelPrice(model, provider, new BigDecimal(perPromptToken), new BigDecimal(perCompletionToken));
    }

    /**
     * What a request costs, exactly.
     *
     * @param promptTokens tokens of the prompt
     * @param completionTokens tokens of the answer
     * @return the cost
     */
    public BigDecimal cost(long promptTokens, long completionTokens) {
        return perPromptToken
                .multiply(BigDecimal.valueOf(promptTokens))
                .add(perCompletionToken.multiply(BigDecimal.valueOf(completionTokens)));
    }
}
