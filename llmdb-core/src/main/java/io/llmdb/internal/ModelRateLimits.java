package io.llmdb.internal;

import io.llmdb.common.RateLimits;
import io.llmdb.error.InvalidArgumentException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Limits by model, which keys, teams and others carry in their metadata as {@code model_tpm_limit} and
 * {@code model_rpm_limit}.
 */
public final class ModelRateLimits {

    private static final String TOKENS = "model_tpm_limit";
    private static final String REQUESTS = "model_rpm_limit";

    private ModelRateLimits() {}

    /**
     * Reads the limits. What is no limit is left out, since rows may come from elsewhere.
     *
     * @param metadata the metadata of a key, a team or a user
     * @return limits by the name of the model; {@code maxParallelRequests} is always null
     */
    public static Map<String, RateLimits> of(Map<String, Object> metadata) {
        if (!metadata.containsKey(TOKENS) && !metadata.containsKey(REQUESTS)) {
            return Map.of();
        }
        Map<?, ?> tokens = byModel(metadata.get(TOKENS));
        Map<?, ?> requests = byModel(metadata.get(REQUESTS));
        TreeSet<String> models = new TreeSet<>();
        tokens.keySet().forEach(model -> models.add(String.valueOf(model)));
        requests.keySet().forEach(model -> models.add(String.valueOf(model)));
        Map<String, RateLimits> limits = new LinkedHashMap<>();
        for (String model : models) {
            RateLimits limit = new RateLimits(limit(tokens.get(model)), limit(requests.get(model)), null);
            if (!limit.isUnlimited()) {
                limits.put(model, limit);
            }
        }
        return limits;
    }

    /**
     * Reads the limits of one model, without looking at the others.
     *
     * @param metadata the metadata of a key, a team or a user
     * @param model the model's name
     * @return its limits; null where it has none
     */
    public static @Nullable RateLimits of(Map<String, Object> metadata, String model) {
        Object tokens = metadata.get(TOKENS);
        Object requests = metadata.get(REQUESTS);
        if (tokens == null && requests == null) {
            return null;
        }
        RateLimits limit = new RateLimits(
                limit(byModel(tokens).get(model)), limit(byModel(requests).get(model)), null);
        return limit.isUnlimited() ? null : limit;
    }

    /**
     * Lets metadata pass whose limits can be read.
     *
     * @param metadata the metadata of a key, a team or a user
     * @throws InvalidArgumentException where a limit is no whole number of at least 0
     */
    public static void check(Map<String, Object> metadata) {
        check(TOKENS, metadata.get(TOKENS));
        check(REQUESTS, metadata.get(REQUESTS));
    }

    private static void check(String name, @Nullable Object value) {
        if (value == null) {
            return;
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw new InvalidArgumentException("metadata." + name + " is no object: use {\"model\": limit}");
        }
        map.forEach((model, limit) -> {
            if (limit != null && limit(limit) == null) {
                throw new InvalidArgumentException(
                        "metadata." + name + "." + model + " " + limit + ": use a whole number of at least 0");
            }
        });
    }

    private static Map<?, ?> byModel(@Nullable Object value) {
        return value instanceof Map<?, ?> map ? map : Map.of();
    }

    private static @Nullable Long limit(@Nullable Object value) {
        return value instanceof Integer || value instanceof Long
                ? ((Number) value).longValue() < 0 ? null : (Long) ((Number) value).longValue()
                : null;
    }
}
