package io.llmdb.keys;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** How a key is stored: the lower-case SHA-256 hex of the whole key in UTF-8, {@code sk-} included. */
public final class KeyHash {

    static final String PREFIX = "sk-";

    /** Longer strings are no keys; they are not even hashed. */
    static final int MAX_LENGTH = 1024;

    private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");

    private KeyHash() {}

    /**
     * @param rawKey a key
     * @return its hash, 64 characters
     */
    public static String of(String rawKey) {
        return HexFormat.of().formatHex(sha256().digest(rawKey.getBytes(StandardCharsets.UTF_8)));
    }

    static boolean isWellFormed(String rawKey) {
        return rawKey.startsWith(PREFIX) && rawKey.length() <= MAX_LENGTH;
    }

    static boolean isHash(String text) {
        return HASH.matcher(text).matches();
    }

    /** What may be shown of a key: the last four characters, where enough others stay hidden. */
    static String masked(String rawKey) {
        return rawKey.length() < 16 ? "sk-..." : "sk-..." + rawKey.substring(rawKey.length() - 4);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every Java platform has SHA-256", e);
        }
    }
}
