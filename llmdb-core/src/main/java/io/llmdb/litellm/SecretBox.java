package io.llmdb.litellm;

import java.security.MessageDigest;
import java.util.Arrays;
import org.bouncycastle.crypto.engines.XSalsa20Engine;
import org.bouncycastle.crypto.macs.Poly1305;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.jspecify.annotations.Nullable;

/**
 * Opens NaCl's secretbox: XSalsa20 and Poly1305, the nonce in front. The only class that needs BouncyCastle, which is
 * an optional dependency.
 */
final class SecretBox {

    private static final int NONCE_BYTES = 24;
    private static final int TAG_BYTES = 16;
    private static final int MAC_KEY_BYTES = 32;

    /** Of an empty text. */
    static final int LEAST_BYTES = NONCE_BYTES + TAG_BYTES;

    private SecretBox() {}

    /** The plaintext; null where it was sealed under another key. */
    static byte @Nullable [] open(byte[] key, byte[] sealed) {
        try {
            return opened(key, sealed);
        } catch (NoClassDefFoundError e) {
            throw new ImportRefusedException(
                    "Some credentials are encrypted with NaCl's secretbox, which needs BouncyCastle: add "
                            + "org.bouncycastle:bcprov-jdk18on to the class path",
                    e);
        }
    }

    private static byte @Nullable [] opened(byte[] key, byte[] sealed) {
        XSalsa20Engine stream = new XSalsa20Engine();
        stream.init(false, new ParametersWithIV(new KeyParameter(key), Arrays.copyOf(sealed, NONCE_BYTES)));
        byte[] macKey = new byte[MAC_KEY_BYTES];
        stream.processBytes(macKey, 0, MAC_KEY_BYTES, macKey, 0);
        int length = sealed.length - LEAST_BYTES;
        Poly1305 mac = new Poly1305();
        mac.init(new KeyParameter(macKey));
        mac.update(sealed, LEAST_BYTES, length);
        byte[] tag = new byte[TAG_BYTES];
        mac.doFinal(tag, 0);
        if (!MessageDigest.isEqual(tag, Arrays.copyOfRange(sealed, NONCE_BYTES, LEAST_BYTES))) {
            return null;
        }
        byte[] plaintext = new byte[length];
        stream.processBytes(sealed, LEAST_BYTES, length, plaintext, 0);
        return plaintext;
    }
}
