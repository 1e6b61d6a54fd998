package io.llmdb.litellm;

import io.llmdb.internal.Json;
import io.llmdb.models.CredentialKeys;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Models: their parameters are decrypted with LiteLLM's salt key and encrypted with ours, bound to the row. Credentials
 * that stand in a table of their own there are put into the models that name them.
 */
final class Models {

    private static final String TABLE = "LiteLLM_ProxyModelTable";
    private static final String CREDENTIALS = "LiteLLM_CredentialsTable";

    private final Source source;
    private final @Nullable SaltKey saltKey;
    private final @Nullable CredentialKeys keys;
    private final Map<String, Map<String, Object>> credentials = new LinkedHashMap<>();

    Models(Source source, @Nullable SaltKey saltKey, @Nullable CredentialKeys keys) {
        this.source = source;
        this.saltKey = saltKey;
        this.keys = keys;
    }

    /**
     * Reads everything once, before anything is written.
     *
     * @throws ImportRefusedException where a key is missing or wrong
     */
    void check() throws SQLException {
        Source.Table named = source.table(CREDENTIALS);
        if (named != null && named.has("credential_values")) {
            source.read(named, Map.of(), row -> {
                String name = String.valueOf(row.get("credential_name"));
                credentials.put(
                        name, opened("credential \"" + name + "\"", values(row.get("credential_values")), false));
            });
        }
        Source.Table models = source.table(TABLE);
        if (models == null) {
            return;
        }
        source.read(models, Map.of(), row -> {
            if (keys == null) {
                throw new ImportRefusedException(
                        "The source has models in the database, whose credentials are encrypted here:"
                                + " set the key for that (LLMDB_SALT_KEY), or leave models out");
            }
            opened("model \"" + row.get("model_id") + "\"", values(row.get("litellm_params")), true);
        });
    }

    /** Names of credentials that models do not bring with them. */
    Entity entity() {
        return new Entity(
                TABLE,
                "LLM_ProxyModelTable",
                List.of("model_id"),
                List.of(
                        "model_id",
                        "model_name",
                        "llm_params",
                        "model_info",
                        "blocked",
                        "created_at",
                        "created_by",
                        "updated_at",
                        "updated_by"),
                null,
                List.of(),
                Set.of("updated_at", "updated_by"),
                Map.of(),
                this::translate);
    }

    private void translate(Row row) {
        Entities.id(row, "model_id");
        row.textOr("model_name", "");
        if (row.rawOr("model_name", "").isEmpty()) {
            row.skip("model_name is empty, so that nobody can call it");
        }
        String id = row.rawOr("model_id", "");
        Map<String, Object> params = opened("model \"" + id + "\"", values(row.raw("litellm_params")), true);
        row.changed("litellm_params", "decrypted with the salt key there, encrypted with ours; called llm_params");
        Object credential = params.get("litellm_credential_name");
        if (credential != null && credentials.get(credential.toString()) != null) {
            credentials.getOrDefault(credential.toString(), Map.of()).forEach(params::putIfAbsent);
            row.changed("litellm_params", "encrypted with ours; with the values of the credential that it names");
        }
        if (keys != null) {
            row.put("llm_params", keys.encrypt(id, params));
        }
        row.object("model_info", "model_info");
        row.flag("blocked", false);
        row.timeOr("created_at", source.snapshot());
        row.timeOr("updated_at", source.snapshot());
        row.textOr("created_by", "");
        row.textOr("updated_by", "");
        row.rest("model_info");
    }

    private static Map<String, Object> values(@Nullable String json) {
        Object value = Json.value(json);
        if (value instanceof String text && text.startsWith("{")) {
            value = Json.value(text);
        }
        Map<String, Object> values = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((name, member) -> {
                if (member != null) {
                    values.put(String.valueOf(name), member);
                }
            });
        }
        return values;
    }

    /** LiteLLM encrypts every text among the values, the model's name too. */
    private Map<String, Object> opened(String where, Map<String, Object> values, boolean withModel) {
        Map<String, Object> opened = new LinkedHashMap<>();
        values.forEach(
                (name, value) -> opened.put(name, value instanceof String text ? open(where, name, text) : value));
        if (withModel
                && values.get("model") instanceof String model
                && SaltKey.mayBeSecretBox(model)
                && model.equals(opened.get("model"))) {
            throw wrongKey(where, "model");
        }
        return opened;
    }

    private String open(String where, String name, String value) {
        if (!SaltKey.isCiphertext(value) && !SaltKey.mayBeSecretBox(value)) {
            return value;
        }
        String plaintext = saltKey == null ? null : saltKey.decrypt(value);
        if (plaintext != null) {
            return plaintext;
        }
        if (SaltKey.isCiphertext(value)) {
            throw wrongKey(where, name);
        }
        return value;
    }

    private ImportRefusedException wrongKey(String where, String name) {
        return new ImportRefusedException("\"" + name + "\" of " + where + " is encrypted, and "
                + (saltKey == null
                        ? "no salt key is given: give LITELLM_SALT_KEY"
                        : "the salt key that is given does not decrypt it: give the LITELLM_SALT_KEY that it was written with")
                + ", or LiteLLM's master key where it had no salt key");
    }
}
