package io.llmdb.keys;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * A key's SHA-256, by which it is looked up in memory. The text of the hash is made only where the database is asked.
 *
 * @param a the first 8 bytes
 * @param b the next
 * @param c the next
 * @param d the last
 */
record KeyDigest(long a, long b, long c, long d) {

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    /** Cloned for each key, which costs less than asking the platform's providers for a new one. */
    private static final MessageDigest SHA_256 = KeyHash.sha256();

    static KeyDigest ofKey(String rawKey) {
        return ofBytes(sha256().digest(rawKey.getBytes(StandardCharsets.UTF_8)));
    }

    /** Null where the text is no hash of a key. */
    static @Nullable KeyDigest ofHash(String hash) {
        return KeyHash.isHash(hash) ? ofBytes(HexFormat.of().parseHex(hash)) : null;
    }

    String hash() {
        byte[] bytes = new byte[32];
        LONGS.set(bytes, 0, a);
        LONGS.set(bytes, 8, b);
        LONGS.set(bytes, 16, c);
        LONGS.set(bytes, 24, d);
        return HexFormat.of().formatHex(bytes);
    }

    private static KeyDigest ofBytes(byte[] bytes) {
        return new KeyDigest((long) LONGS.get(bytes, 0), (long) LONGS.get(bytes, 8), (long) LONGS.get(bytes, 16), (long)
                LONGS.get(bytes, 24));
    }

    private static MessageDigest sha256() {
        try {
            return (MessageDigest) SHA_256.clone();
        } catch (CloneNotSupportedException e) {
            return KeyHash.sha256();
        }
    }

    /** Any bits of a hash are as good as all. */
    @Override
    public int hashCode() {
        return (int) a;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof KeyDigest that && a == that.a && b == that.b && c == that.c && d == that.d;
    }
}
