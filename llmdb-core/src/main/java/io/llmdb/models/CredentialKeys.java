package io.llmdb.models;

import com.google.crypto.tink.AccessesPartialKey;
import com.google.crypto.tink.Aead;
import com.google.crypto.tink.Configuration;
import com.google.crypto.tink.InsecureSecretKeyAccess;
import com.google.crypto.tink.KeyStatus;
import com.google.crypto.tink.KeysetHandle;
import com.google.crypto.tink.TinkJsonProtoKeysetFormat;
import com.google.crypto.tink.aead.AeadConfig2026;
import com.google.crypto.tink.aead.AesGcmKey;
import com.google.crypto.tink.aead.AesGcmParameters;
import com.google.crypto.tink.subtle.Hkdf;
import com.google.crypto.tink.util.SecretBytes;
import io.llmdb.error.InvalidArgumentException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The keys under which credentials of stored models are encrypted: one that encrypts, and others that only decrypt,
 * while values under them are left.
 *
 * <p>Made of a text from the environment. A text that begins with <code>{</code> is a keyset of Tink in JSON, as
 * {@code tinkey create-keyset --key-template AES256_GCM} makes one. Any other text is a secret from which a key for
 * AES-256-GCM is derived by HKDF-SHA256; use a random one, such as {@code openssl rand -base64 32} makes, since it is
 * not protected against guessing.
 *
 * <p>Immutable; {@code toString} shows the ids of the keys and nothing else.
 */
public final class CredentialKeys {

    private static final byte[] KEY_INFO = "llmdb model credentials: key v1".getBytes(StandardCharsets.UTF_8);
    private static final byte[] ID_INFO = "llmdb model credentials: key id v1".getBytes(StandardCharsets.UTF_8);
    private static final int KEY_BYTES = 32;

    /** Tink's ciphertexts begin with a version byte and the key's id. */
    private static final int ID_AT = 1;

    private record Entry(int id, Aead aead) {}

    /** The first one encrypts. */
    private final List<Entry> entries;

    private CredentialKeys(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /**
     * Reads keys.
     *
     * @param text a secret, or a keyset of Tink in JSON
     * @return the keys
     * @throws InvalidArgumentException where the text is empty, or a keyset that cannot be read
     */
    public static CredentialKeys parse(String text) {
        if (text.isBlank()) {
            throw new InvalidArgumentException("The key for models' credentials is empty");
        }
        try {
            return text.stripLeading().startsWith("{") ? ofKeyset(text) : ofSecret(text);
        } catch (GeneralSecurityException e) {
            // The cause's message could quote the text.
            throw new InvalidArgumentException("The key for models' credentials is no keyset of Tink for AEAD in JSON: "
                    + e.getClass().getSimpleName());
        }
    }

    /**
     * @param earlier keys under which values may be left
     * @return keys that encrypt as these do, and decrypt what either can
     */
    public CredentialKeys andEarlier(CredentialKeys earlier) {
        List<Entry> both = new ArrayList<>(entries);
        both.addAll(earlier.entries);
        return new CredentialKeys(both);
    }

    /**
     * Encrypts the secrets among a model's parameters as {@link ModelRepository} stores them.
     *
     * <p>Not API: for imports, which write rows in their own way.
     *
     * @param modelId the row that they will stand in; anywhere else they cannot be decrypted
     * @param params the parameters
     * @return the same parameters with secrets encrypted
     */
    public Map<String, Object> encrypt(String modelId, Map<String, Object> params) {
        return new CredentialCipher(this).encrypt(modelId, params);
    }

    /** The id of the key that encrypts. */
    int primaryId() {
        return entries.get(0).id;
    }

    /** The id of the key under which something was encrypted. */
    static int idOf(byte[] ciphertext) {
        return ciphertext.length < ID_AT + Integer.BYTES
                ? 0
                : ByteBuffer.wrap(ciphertext).getInt(ID_AT);
    }

    byte[] encrypt(byte[] plaintext, byte[] associatedData) {
        try {
            return entries.get(0).aead.encrypt(plaintext, associatedData);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("AES-256-GCM does not encrypt on this platform", e);
        }
    }

    /**
     * @throws GeneralSecurityException where no key has the id in the ciphertext, or the one that has it did not make
     *     it, or not with this associated data
     */
    byte[] decrypt(byte[] ciphertext, byte[] associatedData) throws GeneralSecurityException {
        int id = idOf(ciphertext);
        GeneralSecurityException failure = null;
        for (Entry entry : entries) {
            if (entry.id == id) {
                try {
                    return entry.aead.decrypt(ciphertext, associatedData);
                } catch (GeneralSecurityException e) {
                    failure = e;
                }
            }
        }
        throw failure == null ? new GeneralSecurityException("no such key") : failure;
    }

    boolean has(int id) {
        return entries.stream().anyMatch(entry -> entry.id == id);
    }

    static String name(int id) {
        return Integer.toUnsignedString(id);
    }

    String names() {
        return entries.stream().map(entry -> name(entry.id)).collect(Collectors.joining(", "));
    }

    @AccessesPartialKey // Tink's mark on code that has a key's bytes in its hands.
    private static CredentialKeys ofSecret(String secret) throws GeneralSecurityException {
        byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
        byte[] key = Hkdf.computeHkdf("HMACSHA256", bytes, new byte[0], KEY_INFO, KEY_BYTES);
        int id = ByteBuffer.wrap(Hkdf.computeHkdf("HMACSHA256", bytes, new byte[0], ID_INFO, Integer.BYTES))
                .getInt();
        AesGcmParameters parameters = AesGcmParameters.builder()
                .setKeySizeBytes(KEY_BYTES)
                .setIvSizeBytes(12)
                .setTagSizeBytes(16)
                .setVariant(AesGcmParameters.Variant.TINK)
                .build();
        AesGcmKey gcm = AesGcmKey.builder()
                .setParameters(parameters)
                .setKeyBytes(SecretBytes.copyFrom(key, InsecureSecretKeyAccess.get()))
                .setIdRequirement(id)
                .build();
        KeysetHandle keyset = KeysetHandle.newBuilder()
                .addEntry(KeysetHandle.importKey(gcm).withFixedId(id).makePrimary())
                .build();
        return new CredentialKeys(List.of(new Entry(id, keyset.getPrimitive(configuration(), Aead.class))));
    }

    private static CredentialKeys ofKeyset(String json) throws GeneralSecurityException {
        KeysetHandle keyset =
                TinkJsonProtoKeysetFormat.parseKeyset(json, configuration(), InsecureSecretKeyAccess.get());
        Aead aead = keyset.getPrimitive(configuration(), Aead.class);
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < keyset.size(); i++) {
            KeysetHandle.Entry entry = keyset.getAt(i);
            if (!Objects.equals(entry.getStatus(), KeyStatus.ENABLED)) {
                continue;
            }
            @Nullable Integer required = entry.getKey().getIdRequirementOrNull();
            if (required == null) {
                throw new InvalidArgumentException("The key " + name(entry.getId())
                        + " of the keyset for models' credentials has no output prefix: use one of type TINK");
            }
            entries.add(entry.isPrimary() ? 0 : entries.size(), new Entry(entry.getId(), aead));
        }
        return new CredentialKeys(entries);
    }

    /** Tink's own list of algorithms, rather than its registry, which is static and everybody's. */
    private static Configuration configuration() {
        return AeadConfig2026.get();
    }

    /** @return the ids of the keys */
    @Override
    public String toString() {
        return "CredentialKeys[" + names() + "]";
    }
}
