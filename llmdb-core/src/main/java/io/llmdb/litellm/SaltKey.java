package io.llmdb.litellm;

import com.google.crypto.tink.subtle.Hkdf;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Reads what LiteLLM encrypted under its salt key, in any of its three forms: AES-256-GCM with the prefix
 * {@code v3:gcm:} (key by HKDF-SHA256) or {@code v2:gcm:} (key by SHA-256), and without prefix NaCl's secretbox (key by
 * SHA-256). {@code toString} shows nothing of the key.
 */
final class SaltKey {

    private static final String V3 = "v3:gcm:";
    private static final String V2 = "v2:gcm:";
    private static final byte[] HKDF_INFO = "litellm-at-rest-v3".getBytes(StandardCharsets.UTF_8);
    private static final int KEY_BYTES = 32;
    private static final int NONCE_BYTES = 12;
    private static final int TAG_BITS = 128;

    private final byte[] derived;
    private final byte[] hashed;

    SaltKey(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try {
            derived = Hkdf.computeHkdf("HMACSHA256", bytes, new byte[0], HKDF_INFO, KEY_BYTES);
            hashed = MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("This platform has no SHA-256", e);
        }
    }

    /** Whether a value can be nothing but a ciphertext. */
    static boolean isCiphertext(String value) {
        return value.startsWith(V3) || value.startsWith(V2);
    }

    /** Whether a value may be a ciphertext without prefix: base64 of at least a nonce and a tag. */
    static boolean mayBeSecretBox(String value) {
        byte[] bytes = base64(value);
        return bytes != null && bytes.length >= SecretBox.LEAST_BYTES;
    }

    /** The plaintext; null where the value is none of ours, or encrypted under another key. */
    @Nullable
    String decrypt(String value) {
        try {
            if (value.startsWith(V3)) {
                return gcm(derived, value.substring(V3.length()));
            }
            if (value.startsWith(V2)) {
                return gcm(hashed, value.substring(V2.length()));
            }
            byte[] sealed = base64(value);
            if (sealed == null || sealed.length < SecretBox.LEAST_BYTES) {
                return null;
            }
            byte[] opened = SecretBox.open(hashed, sealed);
            return opened == null ? null : new String(opened, StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            return null;
        }
    }

    private static @Nullable String gcm(byte[] key, String text) throws GeneralSecurityException {
        byte[] bytes = base64(text);
        if (bytes == null || bytes.length < NONCE_BYTES) {
            return null;
        }
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(
                Cipher.DECRYPT_MODE,
                new SecretKeySpec(key, "AES"),
                new GCMParameterSpec(TAG_BITS, Arrays.copyOf(bytes, NONCE_BYTES)));
        return new String(cipher.doFinal(bytes, NONCE_BYTES, bytes.length - NONCE_BYTES), StandardCharsets.UTF_8);
    }

    /** URL-safe, or as the earliest versions wrote it. */
    private static byte @Nullable [] base64(String text) {
        try {
            return Base64.getUrlDecoder().decode(text.strip());
        } catch (IllegalArgumentException e) {
            try {
                return Base64.getDecoder().decode(text.strip());
            } catch (IllegalArgumentException again) {
                return null;
            }
        }
    }

    @Override
    public String toString() {
        return "SaltKey";
    }
}
