package io.llmdb.spend;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The first eight bytes of the SHA-256 of all content of an event; who holds the lease is not content. Not safe for use
 * by several threads.
 */
final class EventDigest {

    private final EventCodec.Writer content = new EventCodec.Writer();
    private final MessageDigest sha;

    EventDigest() {
        try {
            sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }

    long of(SpendEvent event) {
        Long known = event.recorded().knownBy();
        if (known != null) {
            return known;
        }
        content.clear();
        EventCodec.write(event.recorded(), content);
        sha.update(content.buffer(), 0, content.length());
        return ByteBuffer.wrap(sha.digest()).getLong();
    }
}
