package io.llmdb.models;

import io.llmdb.internal.Json;
import io.llmdb.internal.SecretNames;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Encrypts the secrets among a model's parameters, each by itself, as {@code enc:v1:} and Tink's ciphertext in URL-safe
 * base64. What is encrypted is the value's JSON, so that a secret may be an object. Associated data are the table, the
 * row's id and where in the parameters the value stands: moved anywhere else it cannot be decrypted.
 */
final class CredentialCipher {

    private static final String PREFIX = "enc:v1:";

    private final CredentialKeys keys;

    CredentialCipher(CredentialKeys keys) {
        this.keys = keys;
    }

    Map<String, Object> encrypt(String modelId, Map<String, Object> params) {
        return mapped(params, "", (path, value) -> sealed(modelId, path, value));
    }

    /** @throws WrongCredentialsKeyException where a value cannot be decrypted */
    Map<String, Object> decrypt(String modelId, Map<String, Object> params) {
        return mapped(params, "", (path, value) -> opened(modelId, path, value));
    }

    /** The same parameters encrypted with the first of the keys; values that are so already stay as they are. */
    Map<String, Object> encryptAgain(String modelId, Map<String, Object> params) {
        return mapped(params, "", (path, value) -> {
            byte[] ciphertext = ciphertext(value);
            return ciphertext != null && CredentialKeys.idOf(ciphertext) == keys.primaryId()
                    ? value
                    : sealed(modelId, path, opened(modelId, path, value));
        });
    }

    private Object sealed(String modelId, String path, Object value) {
        byte[] plaintext = Json.write(value).getBytes(StandardCharsets.UTF_8);
        return PREFIX
                + Base64.getUrlEncoder().withoutPadding().encodeToString(keys.encrypt(plaintext, place(modelId, path)));
    }

    /** Plain values, which somebody wrote with SQL, are what they are. */
    private Object opened(String modelId, String path, Object value) {
        byte[] ciphertext = ciphertext(value);
        if (ciphertext == null) {
            return value;
        }
        try {
            byte[] plaintext = keys.decrypt(ciphertext, place(modelId, path));
            Object opened = Json.value(new String(plaintext, StandardCharsets.UTF_8));
            return opened == null ? value : opened;
        } catch (GeneralSecurityException e) {
            int id = CredentialKeys.idOf(ciphertext);
            throw new WrongCredentialsKeyException(
                    "llm_params." + path + " of model_id \"" + modelId + "\" cannot be decrypted: "
                            + (keys.has(id)
                                    ? "its key " + CredentialKeys.name(id)
                                            + " is set, but the value was changed, or moved here from elsewhere"
                                    : "it is encrypted with the key " + CredentialKeys.name(id) + ", and set is "
                                            + keys.names() + "; set the key that it was written with"),
                    e);
        }
    }

    private static byte @Nullable [] ciphertext(Object value) {
        if (!(value instanceof String text) || !text.startsWith(PREFIX)) {
            return null;
        }
        try {
            return Base64.getUrlDecoder().decode(text.substring(PREFIX.length()));
        } catch (IllegalArgumentException e) {
            return new byte[0];
        }
    }

    /** Lengths go before the parts, so that no two places read the same. */
    private static byte[] place(String modelId, String path) {
        return ("LLM_ProxyModelTable.llm_params " + modelId.length() + ":" + modelId + " " + path.length() + ":" + path)
                .getBytes(StandardCharsets.UTF_8);
    }

    private static Map<String, Object> mapped(
            Map<?, ?> params, String path, BiFunction<String, Object, Object> secret) {
        Map<String, Object> result = new LinkedHashMap<>();
        params.forEach((key, value) -> {
            String name = String.valueOf(key);
            String place = path.isEmpty() ? name : path + "." + name;
            put(
                    result,
                    name,
                    SecretNames.isSecret(name, value) ? secret.apply(place, value) : deeper(value, place, secret));
        });
        return result;
    }

    private static @Nullable Object deeper(
            @Nullable Object value, String path, BiFunction<String, Object, Object> secret) {
        if (value instanceof Map<?, ?> map) {
            return mapped(map, path, secret);
        }
        if (value instanceof List<?> list) {
            List<Object> result = new ArrayList<>();
            for (int i = 0; i < list.size(); i++) {
                add(result, deeper(list.get(i), path + "[" + i + "]", secret));
            }
            return result;
        }
        return value;
    }

    // A JSON null is an ordinary member of these collections, which the type Object cannot say.
    @SuppressWarnings("NullAway")
    private static void put(Map<String, Object> map, String name, @Nullable Object value) {
        map.put(name, value);
    }

    @SuppressWarnings("NullAway")
    private static void add(List<Object> list, @Nullable Object value) {
        list.add(value);
    }
}
