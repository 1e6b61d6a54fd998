package io.llmdb.tests.litellm;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.engines.XSalsa20Engine;
import org.bouncycastle.crypto.macs.Poly1305;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;

/** Encrypts as LiteLLM does, by another way than the import decrypts. */
final class Ciphertexts {

    private static final SecureRandom RANDOM = new SecureRandom();

    private Ciphertexts() {}

    static String v3(String saltKey, String plaintext) {
        try {
            // HKDF of RFC 5869 with an empty salt, one block.
            byte[] extracted = hmac(new byte[32], saltKey.getBytes(StandardCharsets.UTF_8));
            byte[] info = "litellm-at-rest-v3\u0001".getBytes(StandardCharsets.UTF_8);
            return "v3:gcm:" + gcm(hmac(extracted, info), plaintext);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String v2(String saltKey, String plaintext) {
        try {
            return "v2:gcm:" + gcm(sha256(saltKey), plaintext);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String secretBox(String saltKey, String plaintext) {
        byte[] nonce = random(24);
        byte[] message = plaintext.getBytes(StandardCharsets.UTF_8);
        try {
            byte[] padded = new byte[32 + message.length];
            System.arraycopy(message, 0, padded, 32, message.length);
            XSalsa20Engine stream = new XSalsa20Engine();
            stream.init(true, new ParametersWithIV(new KeyParameter(sha256(saltKey)), nonce));
            stream.processBytes(padded, 0, padded.length, padded, 0);
            Poly1305 mac = new Poly1305();
            mac.init(new KeyParameter(Arrays.copyOf(padded, 32)));
            mac.update(padded, 32, message.length);
            byte[] sealed = new byte[24 + 16 + message.length];
            System.arraycopy(nonce, 0, sealed, 0, 24);
            mac.doFinal(sealed, 24);
            System.arraycopy(padded, 32, sealed, 40, message.length);
            return Base64.getUrlEncoder().encodeToString(sealed);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String gcm(byte[] key, String plaintext) throws GeneralSecurityException {
        byte[] nonce = random(12);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
        byte[] sealed = cipher.doFinal(plaintext.getBytes(StandardCharsets.UTF_8));
        byte[] all = Arrays.copyOf(nonce, nonce.length + sealed.length);
        System.arraycopy(sealed, 0, all, nonce.length, sealed.length);
        return Base64.getUrlEncoder().encodeToString(all);
    }

    private static byte[] hmac(byte[] key, byte[] data) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(data);
    }

    private static byte[] sha256(String text) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        RANDOM.nextBytes(bytes);
        return bytes;
    }
}
