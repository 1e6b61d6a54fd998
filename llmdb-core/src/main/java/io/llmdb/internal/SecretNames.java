package io.llmdb.internal;

import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says by its name which member is a secret, of a model's parameters or of whatever people write: {@code api_key},
 * {@code aws_secret_access_key}, {@code vertex_credentials}, {@code Authorization} and the like, at any depth. Amounts
 * such as {@code max_tokens} and {@code input_cost_per_token} are none, nor is anything that is a number or a switch.
 * One too many costs little: a model's parameters are decrypted for their readers, and the audit log leaves out one
 * value.
 */
public final class SecretNames {

    private static final Set<String> SECRET = Set.of(
            "key",
            "keys",
            "apikey",
            "secret",
            "secrets",
            "token",
            "password",
            "passwd",
            "passphrase",
            "pwd",
            "credential",
            "credentials",
            "creds",
            "authorization",
            "auth",
            "bearer",
            "cookie",
            "private");

    private static final Set<String> AMOUNT =
            Set.of("cost", "price", "per", "max", "min", "limit", "count", "tpm", "rpm");

    /** Between words: separators, and where a capital follows a small letter. */
    private static final Pattern WORDS = Pattern.compile("[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])");

    private SecretNames() {}

    /**
     * @param name a member's name
     * @param value its value
     * @return whether the value is not to be shown
     */
    public static boolean isSecret(String name, @Nullable Object value) {
        if (value == null || value instanceof Number || value instanceof Boolean) {
            return false;
        }
        boolean secret = false;
        for (String word : WORDS.split(name)) {
            String lower = word.toLowerCase(Locale.ROOT);
            if (AMOUNT.contains(lower)) {
                return false;
            }
            secret |= SECRET.contains(lower);
        }
        return secret;
    }
}
