package io.llmdb.models;

import io.llmdb.error.InvalidArgumentException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.SecretNames;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What an administrator sets on a stored model. Secrets among the parameters, known by their names, are encrypted in
 * the database and left out by {@code toString}.
 *
 * @param name the name that callers use; several models may share it
 * @param params {@code llm_params}: what the proxy calls the model with; texts, numbers, booleans, nulls, lists, maps
 * @param info {@code model_info}: what is known of the model
 * @param blocked whether it is not to be called
 */
public record ProxyModelSpec(String name, Map<String, Object> params, Map<String, Object> info, boolean blocked) {

    /**
     * Copies and checks.
     *
     * @throws InvalidArgumentException where the name is empty, or a text holds a NUL character
     */
    public ProxyModelSpec {
        Arguments.text("model_name", name);
        if (name.isEmpty()) {
            throw new InvalidArgumentException("model_name is empty");
        }
        params = Arguments.json("llm_params", params);
        info = Arguments.json("model_info", info);
    }

    /**
     * @param name the name that callers use
     * @param params what the proxy calls the model with
     * @return a model that is not blocked
     */
    public static ProxyModelSpec of(String name, Map<String, Object> params) {
        return new ProxyModelSpec(name, params, Map.of(), false);
    }

    /**
     * @param value the name that callers use
     * @return a copy with it
     */
    public ProxyModelSpec withName(String value) {
        return new ProxyModelSpec(value, params, info, blocked);
    }

    /**
     * @param value what the proxy calls the model with
     * @return a copy with it
     */
    public ProxyModelSpec withParams(Map<String, Object> value) {
        return new ProxyModelSpec(name, value, info, blocked);
    }

    /**
     * @param value what is known of the model
     * @return a copy with it
     */
    public ProxyModelSpec withInfo(Map<String, Object> value) {
        return new ProxyModelSpec(name, params, value, blocked);
    }

    /**
     * @param value whether it is not to be called
     * @return a copy with it
     */
    public ProxyModelSpec withBlocked(boolean value) {
        return new ProxyModelSpec(name, params, info, value);
    }

    /**
     * Who serves the model: {@code custom_llm_provider} of the parameters, otherwise what stands before the slash in
     * their {@code model}.
     *
     * @return the provider, such as {@code openai}; empty where the parameters do not say
     */
    public Optional<String> provider() {
        if (params.get("custom_llm_provider") instanceof String provider && !provider.isBlank()) {
            return Optional.of(provider);
        }
        if (params.get("model") instanceof String model && model.indexOf('/') > 0) {
            return Optional.of(model.substring(0, model.indexOf('/')));
        }
        return Optional.empty();
    }

    /** @return all parts, without secrets */
    @Override
    public String toString() {
        return "ProxyModelSpec[name=" + name + ", params=" + masked(params) + ", info=" + masked(info) + ", blocked="
                + blocked + "]";
    }

    private static @Nullable Object masked(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, String> shown = new LinkedHashMap<>();
            map.forEach((key, member) -> {
                String name = String.valueOf(key);
                shown.put(name, SecretNames.isSecret(name, member) ? "***" : String.valueOf(masked(member)));
            });
            return shown;
        }
        return value instanceof List<?> list
                ? list.stream().map(ProxyModelSpec::masked).map(String::valueOf).toList()
                : value;
    }
}
