package io.llmdb.examples.gateway.proxy;

import io.llmdb.examples.gateway.upstream.Json;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Prices by model, from JSON in the form of LiteLLM's price file: model → {@code input_cost_per_token},
 * {@code output_cost_per_token}, {@code max_output_tokens}, {@code litellm_provider}. Prices are exact decimals.
 */
public final class PriceTable {

    private static final String BUNDLED = "/prices.json";
    private static final int DEFAULT_MAX_OUTPUT = 4096;

    private final Map<String, Price> prices;

    private PriceTable(Map<String, Price> prices) {
        this.prices = Collections.unmodifiableMap(new TreeMap<>(prices));
    }

    /** @return the prices that come with the example; nobody's current ones */
    public static PriceTable bundled() {
        try (InputStream in = PriceTable.class.getResourceAsStream(BUNDLED)) {
            if (in == null) {
                throw new IllegalStateException(BUNDLED + " is not on the class path");
            }
            return parse(in.readAllBytes(), BUNDLED);
        } catch (IOException e) {
            throw new IllegalStateException("Cannot read " + BUNDLED, e);
        }
    }

    /**
     * @param file a price table
     * @return the prices
     * @throws IllegalArgumentException where it cannot be read or a price is wrong
     */
    public static PriceTable read(Path file) {
        try {
            return parse(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new IllegalArgumentException("Cannot read the price table " + file + " (" + e + ")", e);
        }
    }

    private static PriceTable parse(byte[] json, String name) {
        Map<String, Price> prices = new TreeMap<>();
        try {
            for (Map.Entry<String, JsonNode> entry : Json.read(json).properties()) {
                JsonNode model = entry.getValue();
                // Models that are not paid by the token, such as those that make images.
                if (model.has("input_cost_per_token") && model.has("output_cost_per_token")) {
                    prices.put(
                            entry.getKey(),
                            new Price(
                                    price(name, entry.getKey(), model, "input_cost_per_token"),
                                    price(name, entry.getKey(), model, "output_cost_per_token"),
                                    model.path("max_output_tokens").asInt(DEFAULT_MAX_OUTPUT),
                                    model.path("litellm_provider").asString("")));
                }
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException(name + " is no JSON: " + e.getOriginalMessage(), e);
        }
        if (prices.isEmpty()) {
            throw new IllegalArgumentException(
                    name + " names no model with input_cost_per_token and output_cost_per_token");
        }
        return new PriceTable(prices);
    }

    private static BigDecimal price(String file, String model, JsonNode node, String name) {
        JsonNode value = node.path(name);
        if (!value.isNumber() || value.decimalValue().signum() < 0) {
            throw new IllegalArgumentException(
                    file + ": " + name + " of \"" + model + "\" must be a number of at least 0, not " + value);
        }
        return value.decimalValue();
    }

    /**
     * @param model a model as requests name it
     * @return its price, or empty where it has none
     */
    public Optional<Price> find(String model) {
        return Optional.ofNullable(prices.get(model));
    }

    /** @return the models, in the order of their names */
    public Set<String> models() {
        return prices.keySet();
    }
}
